//! Samples of the subject's processes as curves, for SVG.

use std::fmt::Write;

use serde::Serialize;

use super::{Report, Sample};

/// The size of the drawing, in its own units: it is stretched to the page.
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 72.0;

/// One measure over time.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Curve {
    title: &'static str,
    /// The highest value, in words.
    peak: String,
    /// The last value, in words.
    last: String,
    /// The corners of the line: `x,y x,y`.
    points: String,
    /// The same, closed along the bottom.
    area: String,
    /// What to show where the pointer is.
    moments: Vec<Moment>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Moment {
    x: f64,
    width: f64,
    words: String,
}

impl Report {
    /// Curves of what was sampled; none where too little was for a line.
    pub(super) fn curves(&self) -> Vec<Curve> {
        if self.samples.len() < 2 {
            return Vec::new();
        }
        let mebibytes = |octets: f64| format!("{:.1} MiB", octets / f64::from(1 << 20));
        let count = |count: f64| format!("{count:.0}");
        let cores = |cores: f64| format!("{cores:.2} cores");
        let of = |value: fn(&Sample) -> u64| {
            self.samples.iter().map(|sample| value(sample) as f64).collect::<Vec<_>>()
        };
        vec![
            self.curve("memory", &of(|sample| sample.memory), mebibytes),
            self.curve("processor", &self.load(), cores),
            self.curve("descriptors", &of(|sample| sample.descriptors), count),
            self.curve("threads", &of(|sample| sample.threads), count),
        ]
    }

    /// Processors kept busy between each sample and the one before it.
    fn load(&self) -> Vec<f64> {
        let between = self.samples.windows(2).map(|pair| {
            let seconds = (pair[1].at - pair[0].at).max(0.001);
            // A subject that was started again begins at zero.
            ((pair[1].cpu - pair[0].cpu) / seconds).max(0.0)
        });
        [0.0].into_iter().chain(between).collect()
    }

    fn curve(&self, title: &'static str, values: &[f64], words: impl Fn(f64) -> String) -> Curve {
        let first = self.samples.first().map_or(0.0, |sample| sample.at);
        let span = (self.samples.last().map_or(0.0, |sample| sample.at) - first).max(0.001);
        let peak = values.iter().copied().fold(0.0, f64::max);
        let x = |at: f64| (at - first) / span * WIDTH;
        let y = |value: f64| HEIGHT - value / peak.max(f64::MIN_POSITIVE) * (HEIGHT - 4.0);
        let mut points = String::new();
        let mut moments = Vec::new();
        for (i, (sample, value)) in self.samples.iter().zip(values).enumerate() {
            _ = write!(points, "{:.1},{:.1} ", x(sample.at), y(*value));
            let until = self.samples.get(i + 1).map_or(WIDTH, |next| x(next.at));
            let running = match sample.running.len() {
                0 => "no case".into(),
                1..=4 => sample.running.join(", "),
                many => format!("{} and {} more", sample.running[..3].join(", "), many - 3),
            };
            moments.push(Moment {
                x: round(x(sample.at)),
                width: round(until - x(sample.at)),
                words: format!("{:.1} s: {} · {running}", sample.at, words(*value)),
            });
        }
        let points = points.trim_end().to_owned();
        let area = format!("0,{HEIGHT} {points} {WIDTH},{HEIGHT}");
        let last = words(values.last().copied().unwrap_or_default());
        Curve { title, peak: words(peak), last, points, area, moments }
    }
}

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;

    #[test]
    fn curves_span_the_drawing_and_peak_at_its_top() {
        let report = sample();
        let curves = report.curves();
        let titles: Vec<&str> = curves.iter().map(|curve| curve.title).collect();
        assert_eq!(titles, ["memory", "processor", "descriptors", "threads"]);
        assert_eq!(curves[0].points, "0.0,17.6 600.0,4.0", "4 MiB, then the peak of 5 MiB");
        assert_eq!((&curves[0].peak[..], &curves[1].peak[..]), ("5.0 MiB", "0.70 cores"));
        assert_eq!(curves[2].moments[0].words, "0.1 s: 9 · http/CL-01");
    }

    #[test]
    fn a_single_sample_is_no_curve() {
        let mut report = sample();
        report.samples.truncate(1);
        assert!(report.curves().is_empty());
    }
}
