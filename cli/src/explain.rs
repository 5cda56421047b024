//! `harness explain`: a case in full.

use std::fmt::Write;

use console::{Term, style};
use seawall_harness::{Case, Exchange, Reasons};

/// Lines wider than this are hard to read, however wide the terminal is.
const MAX_WIDTH: usize = 100;
/// Lines shown of what one exchange sends.
const MAX_LINES: usize = 40;

/// All that is to be known of each case.
pub(crate) fn text(cases: &[Case]) -> String {
    let width = usize::from(Term::stdout().size().1).clamp(40, MAX_WIDTH);
    let mut out = String::new();
    for (i, case) in cases.iter().enumerate() {
        if i > 0 {
            out.push('\n');
        }
        explain(&mut out, case, width);
    }
    out
}

fn explain(out: &mut String, case: &Case, width: usize) {
    let Case { id, title, strength, section, .. } = case;
    let reasons = Reasons::of(id);
    let needs: Vec<&str> = case.needs.iter().map(|route| route.name()).collect();
    _ = writeln!(out, "{}  {title}", style(id).bold());
    let rule = format!("{strength} · {section} · needs {}", needs.join(", "));
    _ = writeln!(out, "{}", style(rule).dim());
    if let Some(does) = &reasons.does {
        paragraph(out, "Does", does, width);
    }
    script(out, &case.script(), width);
    paragraph(out, "Why it matters", &reasons.why, width);
    if !reasons.known.is_empty() {
        heading(out, "Known defects of this class");
        for known in &reasons.known {
            wrapped(out, "  - ", known, width);
        }
    }
    paragraph(out, "What usually fixes it", &reasons.fix, width);
}

/// What is sent; with several variants, what is accepted is said once if it is the same for all.
fn script(out: &mut String, exchanges: &[Exchange], width: usize) {
    let alike = exchanges.windows(2).all(|pair| pair[0].accepts == pair[1].accepts);
    let count = exchanges.len();
    for (i, exchange) in exchanges.iter().enumerate() {
        if count > 1 {
            heading(out, &format!("Sends, on connection {} of {count}", i + 1));
        } else {
            heading(out, "Sends");
        }
        for line in exchange.sends.iter().take(MAX_LINES) {
            _ = writeln!(out, "  {line}");
        }
        if let Some(more) = exchange.sends.len().checked_sub(MAX_LINES).filter(|&more| more > 0) {
            _ = writeln!(out, "  … {more} lines more");
        }
        if !alike || i + 1 == count {
            paragraph(out, "Accepts", &exchange.accepts, width);
        }
    }
}

fn heading(out: &mut String, text: &str) {
    _ = writeln!(out, "\n{}", style(text).cyan());
}

fn paragraph(out: &mut String, title: &str, text: &str, width: usize) {
    heading(out, title);
    wrapped(out, "  ", text, width);
}

/// Words in lines of at most `width` characters, the first behind `lead`, the others below it.
fn wrapped(out: &mut String, lead: &str, text: &str, width: usize) {
    let mut line = lead.to_owned();
    let mut empty = true;
    for word in text.split_whitespace() {
        if !empty && line.chars().count() + 1 + word.chars().count() > width {
            _ = writeln!(out, "{line}");
            line = " ".repeat(lead.chars().count());
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    _ = writeln!(out, "{line}");
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn words_are_wrapped_below_their_lead() {
        let mut out = String::new();
        wrapped(&mut out, "- ", "one two three averyverylongword", 9);
        assert_eq!(out, "- one two\n  three\n  averyverylongword\n");
    }
}
