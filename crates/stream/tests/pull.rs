//! Pull queries over more rows than are worked on at once: portions change no answer.

mod support;

use model::{Record, TopicPartition, Value};
use support::Server;

/// More than two portions of pull queries.
const ROWS: i32 = 10_000;

/// A table T of rows (K: `k00000` …, V: from 0).
fn server() -> Server {
    let server = Server::manual();
    server.run(
        "CREATE STREAM S (K VARCHAR KEY, V INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON',
             PARTITIONS=1);
         CREATE TABLE T AS SELECT K, LATEST_BY_OFFSET(V) AS V FROM S GROUP BY K;",
    );
    let record = |v: i32| Record {
        key: Some(format!("k{v:05}").into()),
        value: Some(format!("{{\"V\":{v}}}").into()),
        ..Record::default()
    };
    let records = (0..ROWS).map(record).collect();
    server.journal.append(&TopicPartition::new("s", 0), records).expect("appended");
    server.engine.run_until_idle();
    server
}

#[test]
fn many_rows_are_found_filtered_ordered_and_cut_as_few() {
    let server = server();
    let check = |clauses: &str, expect: &mut dyn Iterator<Item = i32>| {
        let rows = server.rows(&format!("SELECT V FROM T {clauses};"));
        let values: Vec<i32> = rows
            .into_iter()
            .map(|row| match row[0] {
                Value::Integer(v) => v,
                _ => panic!("{row:?}"),
            })
            .collect();
        assert!(values.iter().copied().eq(expect), "{clauses}: {} rows", values.len());
    };
    check("", &mut (0..ROWS));
    check("WHERE V % 3 = 0", &mut (0..ROWS).step_by(3));
    check("WHERE V < 0", &mut (0..0));
    check("WHERE K > 'k04000' AND V < 9000", &mut (4001..9000));
    check("LIMIT 7", &mut (0..7));
    check("LIMIT 5000 OFFSET 2500", &mut (2500..7500));
    check("WHERE V % 3 = 0 LIMIT 2 OFFSET 3000", &mut [9000, 9003].into_iter());
    check("ORDER BY V DESC", &mut (0..ROWS).rev());
    check("WHERE V % 2 = 1 ORDER BY V DESC LIMIT 3 OFFSET 1", &mut [9997, 9995, 9993].into_iter());
    check("OFFSET 20000", &mut (0..0));
}
