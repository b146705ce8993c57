//! Generated rows of the shape of the talk's feed, the same ones each time.

use jiff::{SignedDuration, civil};

/// Name, capacity, place: twenty car parks of no town.
const PARKS: usize = 20;
/// Minutes from one poll of all of them to the next.
const POLL_MINUTES: i64 = 3;

/// Row number `row` of the feed, `date,time,name,capacity,empty,status,lat,lon,url`.
pub(crate) fn line(row: u64) -> String {
    let start = civil::date(2020, 1, 6).at(0, 0, 0, 0);
    let park = (row as usize) % PARKS;
    let poll = row / PARKS as u64;
    let time = start.saturating_add(SignedDuration::from_mins(poll as i64 * POLL_MINUTES));
    let capacity = 80 + park * 37;
    // A day's wave, shifted for each car park, with some noise of a fixed kind.
    let phase = (time.hour() as f64 * 60.0 + time.minute() as f64) / 1440.0 + park as f64 * 0.03;
    let wave = 0.5 + 0.45 * (phase * std::f64::consts::TAU).cos();
    let noise = (row.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60) as usize;
    let empty = ((capacity as f64 * wave) as usize + noise).min(capacity);
    let status = if empty == 0 { "Full" } else { "Spaces" };
    let (lat, lon) = (53.79 + park as f64 * 0.001, -1.75 - park as f64 * 0.002);
    format!(
        "{:04}-{:02}-{:02},{:02}:{:02},Car Park {park:02},{capacity},{empty},{status},{lat:.6},\
         {lon:.6},https://maps.example.org/?daddr={lat:.6};{lon:.6}",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
    )
}
