//! The load: connections with one request under way each, driven by one thread and a bare epoll.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use super::{CONNECTIONS, REQUEST, RESPONSE};

/// Has `count` requests answered.
pub fn run(address: SocketAddr, count: u64) -> Result<(), Box<dyn Error>> {
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    let mut streams = Vec::new();
    for n in 0..CONNECTIONS {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        epoll::add(&epoll, &stream, EventData::new_u64(n as u64), EventFlags::IN)?;
        streams.push(stream);
    }
    for stream in &mut streams {
        stream.write_all(REQUEST)?;
    }
    let (mut asked, mut answered) = (CONNECTIONS as u64, 0);
    let mut events = Vec::with_capacity(CONNECTIONS);
    let mut answer = vec![0; RESPONSE.len()];
    while answered < count {
        epoll::wait(&epoll, spare_capacity(&mut events), None)?;
        for event in events.drain(..) {
            let stream = &mut streams[event.data.u64() as usize];
            stream.read_exact(&mut answer)?;
            if answer != RESPONSE {
                return Err("a wrong answer".into());
            }
            answered += 1;
            if asked < count {
                stream.write_all(REQUEST)?;
                asked += 1;
            }
        }
    }
    Ok(())
}
