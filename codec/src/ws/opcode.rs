//! Opcodes: what a frame is. Source: RFC 6455 §5.2, §11.8.

use super::error::Violation;

/// What a frame is: the low four bits of its first byte.
///
/// Reserved opcodes (3–7, 11–15) have no value here; a frame that carries one
/// is a [`Violation::Opcode`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum Opcode {
    /// A further fragment of the message that an earlier frame began.
    Continuation = 0x0,
    /// A text message, or its first fragment: UTF-8.
    Text = 0x1,
    /// A binary message, or its first fragment.
    Binary = 0x2,
    /// The Close control frame (§5.5.1).
    Close = 0x8,
    /// The Ping control frame (§5.5.2).
    Ping = 0x9,
    /// The Pong control frame (§5.5.3).
    Pong = 0xA,
}

impl Opcode {
    /// Reads the opcode from the low four bits of `byte`; the others are ignored.
    ///
    /// # Errors
    ///
    /// [`Violation::Opcode`] if the value is reserved.
    pub const fn from_bits(byte: u8) -> Result<Self, Violation> {
        Ok(match byte & 0x0F {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            reserved => return Err(Violation::Opcode(reserved)),
        })
    }

    /// The four bits on the wire.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self as u8
    }

    /// Whether this is Close, Ping or Pong: unfragmented, at most 125 bytes (§5.5).
    #[must_use]
    pub const fn is_control(self) -> bool {
        self.bits() & 0x8 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_values() {
        for bits in 0..16 {
            match Opcode::from_bits(0xF0 | bits) {
                Ok(opcode) => {
                    assert_eq!(opcode.bits(), bits);
                    assert_eq!(opcode.is_control(), bits >= 8);
                    assert!(matches!(bits, 0..=2 | 8..=10));
                }
                Err(violation) => {
                    assert_eq!(violation, Violation::Opcode(bits));
                    assert!(matches!(bits, 3..=7 | 11..=15));
                }
            }
        }
    }
}
