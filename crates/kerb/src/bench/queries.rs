//! An aggregation, a join and a windowed aggregation over generated sales; each beside a plain loop
//! that parses the same lines and folds them into a hash map.

use std::collections::HashMap;

use anyhow::{Context, Result};
use model::Value;

use super::Figures;
use super::engine::{Line, MeasuredEngine, time_plain};

/// How many shops sell, and in how many regions they are.
const SHOPS: u64 = 10_000;
const REGIONS: u64 = 25;
/// Of windows there are more than of shops, so fewer shops are looked at.
const WINDOW_SHOPS: u64 = 100;
const WINDOW_MS: i64 = 60_000;
/// When the first sale was made, and how far apart sales are.
const START_MS: i64 = 1_600_000_020_000;
const SALE_MS: i64 = 20;
const BASELINE: &str = "a plain loop over the same rows";

const SALES: &str = "CREATE STREAM SALES (SHOP VARCHAR KEY, PIECES BIGINT, PRICE DOUBLE) \
    WITH (KAFKA_TOPIC='sales', KEY_FORMAT='KAFKA', VALUE_FORMAT='DELIMITED'); ";

/// GROUP BY of 10,000 groups, five aggregates.
pub(super) async fn aggregate(rows: u64) -> Result<Figures> {
    let line = |row| sale(row, SHOPS);
    let mut plain: HashMap<String, Totals> = HashMap::new();
    let took = time_plain(rows, line, |line| {
        let shop = line.key.as_deref().context("a shop")?;
        entry(&mut plain, shop).add(&line.value)
    })?;
    let engine = MeasuredEngine::open("aggregate")?;
    engine.fill("sales", rows, line)?;
    let statements = format!(
        "{SALES} CREATE TABLE TOTALS WITH (VALUE_FORMAT='JSON') AS SELECT SHOP, COUNT(*) AS N, SUM(PIECES) AS PIECES, \
         MIN(PRICE) AS LOW, MAX(PRICE) AS HIGH, SUM(PRICE) AS PRICES \
         FROM SALES GROUP BY SHOP EMIT CHANGES;"
    );
    let figures = engine.measure(&statements, 1, rows, rows).await?;
    let found = engine.pull("SELECT SHOP, N, PIECES, LOW, HIGH, PRICES FROM TOTALS;")?;
    let is_same = |row: &Vec<Value>| {
        let totals = row[0].as_str().and_then(|shop| plain.get(shop));
        totals.is_some_and(|totals| row[1..] == totals.cells())
    };
    let equal = found.len() == plain.len() && found.iter().all(is_same);
    engine.shut_down();
    Ok(figures.beside("aggregate", BASELINE, took, equal))
}

/// A stream joined with a table of 10,000 rows, and the result added up by a column of the table.
pub(super) async fn join(rows: u64) -> Result<Figures> {
    let line = |row| sale(row, SHOPS);
    let shops: HashMap<String, String> =
        (0..SHOPS).filter_map(|n| shop(n).key.map(|key| (key, shop(n).value))).collect();
    let mut plain: HashMap<String, Totals> = HashMap::new();
    let took = time_plain(rows, line, |line| {
        let region = line.key.as_ref().and_then(|key| shops.get(key)).context("a shop")?;
        entry(&mut plain, region).add(&line.value)
    })?;
    let engine = MeasuredEngine::open("join")?;
    engine.fill("shops", SHOPS, shop)?;
    engine.fill("sales", rows, line)?;
    let statements = format!(
        "{SALES} CREATE TABLE SHOPS (SHOP VARCHAR PRIMARY KEY, REGION VARCHAR) \
         WITH (KAFKA_TOPIC='shops', KEY_FORMAT='KAFKA', VALUE_FORMAT='DELIMITED'); \
         CREATE TABLE REGIONS WITH (VALUE_FORMAT='JSON') AS SELECT H.REGION AS REGION, COUNT(*) AS N, \
         SUM(S.PIECES) AS PIECES FROM SALES S JOIN SHOPS H ON S.SHOP = H.SHOP \
         GROUP BY H.REGION EMIT CHANGES;"
    );
    let figures = engine.measure(&statements, 1, rows + SHOPS, rows).await?;
    let found = engine.pull("SELECT REGION, N, PIECES FROM REGIONS;")?;
    let is_same = |row: &Vec<Value>| {
        let totals = row[0].as_str().and_then(|region| plain.get(region));
        totals.is_some_and(|totals| row[1..] == totals.cells()[..2])
    };
    let equal = found.len() == plain.len() && found.iter().all(is_same);
    engine.shut_down();
    Ok(figures.beside("join", BASELINE, took, equal))
}

/// Windows of a minute for each of a hundred shops.
pub(super) async fn window(rows: u64) -> Result<Figures> {
    let line = |row| sale(row, WINDOW_SHOPS);
    let mut plain: HashMap<i64, HashMap<String, Totals>> = HashMap::new();
    let took = time_plain(rows, line, |line| {
        let start_ms = line.time_ms - line.time_ms.rem_euclid(WINDOW_MS);
        let shop = line.key.as_deref().context("a shop")?;
        entry(plain.entry(start_ms).or_default(), shop).add(&line.value)
    })?;
    let engine = MeasuredEngine::open("window")?;
    engine.fill("sales", rows, line)?;
    let statements = format!(
        "{SALES} CREATE TABLE BY_MINUTE WITH (VALUE_FORMAT='JSON') AS SELECT SHOP, COUNT(*) AS N, SUM(PIECES) AS PIECES \
         FROM SALES WINDOW TUMBLING (SIZE 1 MINUTE, RETENTION 3650 DAYS) \
         GROUP BY SHOP EMIT CHANGES;"
    );
    let figures = engine.measure(&statements, 1, rows, rows).await?;
    let found = engine.pull("SELECT WINDOWSTART, SHOP, N, PIECES FROM BY_MINUTE;")?;
    let is_same = |row: &Vec<Value>| {
        let Value::Bigint(start_ms) = row[0] else { return false };
        let totals = row[1].as_str().and_then(|shop| plain.get(&start_ms)?.get(shop));
        totals.is_some_and(|totals| row[2..] == totals.cells()[..2])
    };
    let windows: usize = plain.values().map(HashMap::len).sum();
    let equal = found.len() == windows && found.iter().all(is_same);
    engine.shut_down();
    Ok(figures.beside("window", BASELINE, took, equal))
}

/// What is known of a group.
#[derive(Clone, Copy, Default)]
struct Totals {
    count: i64,
    pieces: i64,
    low: f64,
    high: f64,
    prices: f64,
}

impl Totals {
    /// Takes a sale in: `pieces,price`.
    fn add(&mut self, line: &str) -> Result<()> {
        let (pieces, price) = line.split_once(',').context("a row is too short")?;
        let (pieces, price): (i64, f64) = (pieces.parse()?, price.parse()?);
        self.low = if self.count == 0 { price } else { self.low.min(price) };
        self.high = if self.count == 0 { price } else { self.high.max(price) };
        self.count += 1;
        self.pieces += pieces;
        self.prices += price;
        Ok(())
    }

    /// COUNT, SUM of the pieces, MIN, MAX and SUM of the prices.
    fn cells(&self) -> Vec<Value> {
        vec![
            Value::Bigint(self.count),
            Value::Bigint(self.pieces),
            Value::Double(self.low),
            Value::Double(self.high),
            Value::Double(self.prices),
        ]
    }
}

/// A group, made if there is none; only then its name is copied.
fn entry<'a>(groups: &'a mut HashMap<String, Totals>, name: &str) -> &'a mut Totals {
    if !groups.contains_key(name) {
        groups.insert(name.to_string(), Totals::default());
    }
    groups.get_mut(name).expect("it was put there")
}

/// Sale number `row`; the shops follow each other in no order.
fn sale(row: u64, shops: u64) -> Line {
    let mixed = row.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (pieces, cents) = (1 + (mixed >> 60), mixed >> 40 & 0xffff);
    Line {
        key: Some(format!("shop {:05}", (mixed >> 20) % shops)),
        value: format!("{pieces},{}.{:02}", cents / 100, cents % 100),
        time_ms: START_MS + row as i64 * SALE_MS,
    }
}

/// Shop number `n`; it was there before anything was sold.
fn shop(n: u64) -> Line {
    let value = format!("region {:02}", n % REGIONS);
    Line { key: Some(format!("shop {n:05}")), value, time_ms: START_MS - 1 }
}
