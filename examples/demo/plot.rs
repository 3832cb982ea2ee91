//! The run as a picture: the share of the new version, the rate and the failures over time.

use crate::{
    report::Report,
    samples::{Interval, intervals},
};
use plotters::{
    coord::{Shift, types::RangedCoordf64},
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};
use std::{error::Error, ops::Range};

type Outcome<T> = Result<T, Box<dyn Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

const SIZE: (u32, u32) = (960, 640);
const FONT: &str = "sans-serif";
const CHROME: RGBColor = RGBColor(31, 119, 180);
const OTHERS: RGBColor = RGBColor(255, 127, 14);
const RATE: RGBColor = RGBColor(44, 160, 44);
const FAILED: RGBColor = RGBColor(214, 39, 40);

/// Draws the run; an SVG document.
pub(crate) fn svg(report: &Report) -> Outcome<String> {
    let mut text = String::new();
    draw(report, &SVGBackend::with_string(&mut text, SIZE).into_drawing_area())?;
    Ok(text)
}

fn draw(report: &Report, area: &Area<'_>) -> Outcome<()> {
    let seen = intervals(&report.samples);
    let time = 0.0..seen.last().map_or(1.0, |last| last.seconds);
    area.fill(&WHITE)?;
    let (shares, rest) = area.split_vertically(360);
    let (rate, failures) = rest.split_vertically(140);

    let mut chart = panel(&shares, "requests that the new version answers, %", time.clone(), 0.0..100.0)?;
    mark_steps(report, &mut chart)?;
    for (index, (name, colour)) in [("users of Chrome", CHROME), ("all others", OTHERS)].into_iter().enumerate() {
        let points = seen.iter().filter_map(|interval| Some((interval.seconds, interval.shares[index]?)));
        let line = chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
        line.label(name).legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
    }
    chart.configure_series_labels().position(SeriesLabelPosition::UpperLeft).background_style(WHITE).draw()?;

    let rates = |interval: &Interval| (interval.seconds, interval.answered_per_second);
    line(&rate, "requests answered per second", time.clone(), &seen, rates, RATE)?;
    let failed = |interval: &Interval| (interval.seconds, interval.failed as f64);
    line(&failures, "requests that failed", time, &seen, failed, FAILED)?;
    area.present()?;
    Ok(())
}

fn line(
    area: &Area<'_>,
    title: &str,
    time: Range<f64>,
    seen: &[Interval],
    point: impl Fn(&Interval) -> (f64, f64),
    colour: RGBColor,
) -> Outcome<()> {
    let points: Vec<(f64, f64)> = seen.iter().map(point).collect();
    let most = points.iter().map(|(_, value)| *value).fold(1.0, f64::max);
    let mut chart = panel(area, title, time, 0.0..most * 1.1)?;
    chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
    Ok(())
}

fn panel<'a, 'b>(area: &'a Area<'b>, title: &str, time: Range<f64>, range: Range<f64>) -> Outcome<Chart<'a, 'b>> {
    let mut builder = ChartBuilder::on(area);
    builder.margin(8).margin_right(20).x_label_area_size(22).y_label_area_size(52).caption(title, (FONT, 14));
    let mut chart = builder.build_cartesian_2d(time, range)?;
    let seconds = |seconds: &f64| format!("{seconds:.0} s");
    let value = |value: &f64| format!("{value:.0}");
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .y_labels(5)
        .x_label_formatter(&seconds)
        .y_label_formatter(&value)
        .label_style((FONT, 11))
        .draw()?;
    Ok(chart)
}

/// A line where the change of each step was acknowledged, with its name.
fn mark_steps(report: &Report, chart: &mut Chart<'_, '_>) -> Outcome<()> {
    let style = (FONT, 11).into_font().transform(FontTransform::Rotate270).color(&BLACK.mix(0.7));
    let style = style.pos(Pos::new(HPos::Left, VPos::Bottom));
    for step in &report.steps {
        let at = step.began_s;
        chart.draw_series([PathElement::new([(at, 0.0), (at, 100.0)], BLACK.mix(0.25))])?;
        chart.draw_series([Text::new(step.name.clone(), (at, 2.0), style.clone())])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::Sample;

    #[test]
    fn a_run_becomes_a_document_with_every_panel() {
        let sample =
            |n: u64| Sample { seconds: n as f64 / 4.0, answers: [[n * 9, n], [n * 9, n]], failed: u64::from(n > 8) };
        let report = Report { samples: (0..12).map(sample).collect(), ..Report::default() };
        let text = svg(&report).expect("it is drawn");
        assert!(text.starts_with("<svg") && text.trim_end().ends_with("</svg>"), "{text}");
        for words in ["users of Chrome", "requests answered per second", "requests that failed", "<polyline"] {
            assert!(text.contains(words), "{words} in {text}");
        }
    }

    #[test]
    fn a_run_that_ended_before_it_began_can_be_drawn() {
        assert!(svg(&Report::default()).is_ok());
    }
}
