//! What few routes and gateways say: times, limits, and when an instance is broken.

use super::report::{Cursor, Fields, Report};
use crate::{
    model::units::parse_time,
    routing::{GatewaySettings, Outlier, RouteSettings, Timeout, Tls, is_certificate},
};
use std::{num::NonZeroU32, time::Duration};

/// A proxy counts milliseconds in 31 bits.
const LONGEST: Duration = Duration::from_secs(24 * 24 * 3_600);
/// How long an instance may be kept away, or be spared, at most.
const LONGEST_AWAY: Duration = Duration::from_secs(3_600);
const MOST_RETRIES: u32 = 100;
const MOST: u32 = 1_000_000;

pub(super) fn of_route(fields: &mut Fields<'_>, report: &mut Report<'_>) -> RouteSettings {
    RouteSettings {
        timeout: fields.get("timeout").map(|at| timeout(&at, report)).unwrap_or_default(),
        retries: fields.get("retries").and_then(|at| retries(&at, report)),
        maxconn: number(fields, "maxconn", report),
        maxqueue: number(fields, "maxqueue", report),
        outlier: fields.get("outlier").and_then(|at| outlier(&at, report)),
        slow_start: time(fields, "slow_start", LONGEST_AWAY, report),
    }
}

pub(super) fn of_gateway(fields: &mut Fields<'_>, report: &mut Report<'_>) -> GatewaySettings {
    let rate_limit = number(fields, "rate_limit", report);
    GatewaySettings { rate_limit, tls: fields.get("tls").and_then(|at| tls(&at, report)) }
}

fn tls(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Tls> {
    let mut fields = at.fields(report);
    let certificate = fields.require(report, "certificate").and_then(|at| {
        at.read(report, "the name of a certificate", |text| {
            let hint = "write the name of a file in the folder of certificates, such as `shop.pem`: letters, digits, \
                        `-`, `_`, `.`, and `/` between folders";
            if is_certificate(text) { Ok(text.to_owned()) } else { Err(hint) }
        })
    });
    fields.finish(report);
    Some(Tls { certificate: certificate? })
}

fn timeout(at: &Cursor<'_>, report: &mut Report<'_>) -> Timeout {
    let mut fields = at.fields(report);
    let mut of = |key| time(&mut fields, key, LONGEST, report);
    let timeout = Timeout { connect: of("connect"), server: of("server"), queue: of("queue"), tunnel: of("tunnel") };
    fields.finish(report);
    timeout
}

fn outlier(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Outlier> {
    let mut fields = at.fields(report);
    if fields.require(report, "errors").is_none() {
        fields.ignore_rest();
        return None;
    }
    let errors = number(&mut fields, "errors", report);
    let back = time(&mut fields, "back", LONGEST_AWAY, report);
    fields.finish(report);
    Some(Outlier { errors: errors?, back })
}

fn retries(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<u32> {
    at.read(report, "a number of retries", |text| match text.parse() {
        Ok(number) if number <= MOST_RETRIES => Ok(number),
        _ => Err("write a number up to 100, such as `3`"),
    })
}

fn number(fields: &mut Fields<'_>, key: &'static str, report: &mut Report<'_>) -> Option<NonZeroU32> {
    fields.get(key)?.read(report, "a limit", |text| match text.parse::<NonZeroU32>() {
        Ok(number) if number.get() <= MOST => Ok(number),
        _ => Err("write a number from 1 to 1000000, such as `100`"),
    })
}

fn time(fields: &mut Fields<'_>, key: &'static str, longest: Duration, report: &mut Report<'_>) -> Option<Duration> {
    fields.get(key)?.read(report, "a time to wait", |text| match parse_time(text)? {
        Duration::ZERO => Err("write a time that passes, such as `5s` or `500ms`"),
        time if time > longest => Err(if longest == LONGEST { "write 24 days at most" } else { "write `1h` at most" }),
        time => Ok(time),
    })
}
