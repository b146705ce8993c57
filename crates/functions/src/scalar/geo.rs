//! Distances on the globe.

use model::Value;

use super::Eval::Rows;
use super::units::text;
use super::{Call, ScalarFunction, of};
use crate::Doc;

const EARTH_RADIUS_KM: f64 = 6_371.0;
const EARTH_RADIUS_MILES: f64 = 3_959.0;

pub(super) const GEO_DISTANCE: ScalarFunction = ScalarFunction {
    name: "GEO_DISTANCE",
    doc: Doc {
        description: "The great-circle distance between two points, given by latitude and \
                      longitude in degrees: in kilometres, or in miles if the unit is MI, MILE or \
                      MILES.",
        category: "OTHER",
        example: ("ROUND(GEO_DISTANCE(51.5, -0.12, 48.85, 2.35))", "343"),
    },
    overloads: &[
        of(
            "GEO_DISTANCE(lat1 DOUBLE, lon1 DOUBLE, lat2 DOUBLE, lon2 DOUBLE, units VARCHAR) -> \
             DOUBLE",
            Rows(geo_distance),
        ),
        of(
            "GEO_DISTANCE(lat1 DOUBLE, lon1 DOUBLE, lat2 DOUBLE, lon2 DOUBLE) -> DOUBLE",
            Rows(geo_distance),
        ),
    ],
};

fn geo_distance(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let mut point = [0.0; 4];
    for (degrees, arg) in point.iter_mut().zip(args) {
        let Value::Double(value) = arg else {
            return Err("latitudes and longitudes of GEO_DISTANCE must not be null".to_string());
        };
        *degrees = *value;
    }
    let [lat1, lon1, lat2, lon2] = point;
    if lat1.abs() > 90.0 || lat2.abs() > 90.0 {
        return Err("a latitude must lie between -90 and 90 degrees".to_string());
    }
    if lon1.abs() > 180.0 || lon2.abs() > 180.0 {
        return Err("a longitude must lie between -180 and 180 degrees".to_string());
    }
    let radius = match args.get(4).and_then(text).map(str::to_ascii_lowercase).as_deref() {
        None | Some("km" | "kilometer" | "kilometers" | "kilometre" | "kilometres") => {
            EARTH_RADIUS_KM
        }
        Some("mi" | "mile" | "miles") => EARTH_RADIUS_MILES,
        Some(unit) => {
            return Err(format!("'{unit}' is no unit of distance: use KM or MI"));
        }
    };
    Ok(Value::Double(haversine(lat1, lon1, lat2, lon2) * radius))
}

/// The angle between two points in radians.
fn haversine(lat1: f64, lon1: f64, lat2: f64, lon2: f64) -> f64 {
    let delta_lat = (lat2 - lat1).to_radians();
    let delta_lon = (lon2 - lon1).to_radians();
    let (sin_lat, sin_lon) = ((delta_lat / 2.0).sin(), (delta_lon / 2.0).sin());
    let a =
        sin_lat * sin_lat + sin_lon * sin_lon * lat1.to_radians().cos() * lat2.to_radians().cos();
    2.0 * a.sqrt().asin()
}
