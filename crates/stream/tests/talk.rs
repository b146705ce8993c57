//! The talk's pipeline on rows of the talk, from CREATE to pull and push, in memory.

mod support;

use model::Value;
use support::Server;

#[test]
fn the_talk_runs() {
    let server = Server::manual();
    server.run(
        "CREATE STREAM CARPARK_SRC (date VARCHAR, time VARCHAR, name VARCHAR, capacity INT,
            empty_places INT, status VARCHAR, latitude DOUBLE, longitude DOUBLE,
            directionsURL VARCHAR)
         WITH (KAFKA_TOPIC='carparks', VALUE_FORMAT='DELIMITED', PARTITIONS=4);
         CREATE STREAM CARPARK_EVENTS WITH (VALUE_FORMAT='PROTOBUF') AS
         SELECT STRINGTOTIMESTAMP(DATE + ' ' + TIME, 'yyyy-MM-dd HH:mm', 'Europe/London') AS TS,
                *, (CAST((CAPACITY - EMPTY_PLACES) AS DOUBLE) / CAST(CAPACITY AS DOUBLE)) * 100
                   AS PCT_FULL,
                STRUCT(\"lat\" := LATITUDE, \"lon\" := LONGITUDE) AS \"location\"
           FROM CARPARK_SRC EMIT CHANGES;
         CREATE TABLE CARPARK AS
         SELECT NAME, LATEST_BY_OFFSET(CAPACITY) AS CAPACITY,
                LATEST_BY_OFFSET(EMPTY_PLACES) AS CURRENT_EMPTY_PLACES,
                AVG(EMPTY_PLACES) AS AVG_EMPTY_PLACES
           FROM CARPARK_EVENTS GROUP BY NAME;",
    );
    for (time, name, capacity, empty) in [
        ("09:09", "Westgate", 116, 90),
        ("09:09", "Kirkgate Centre", 611, 505),
        ("09:12", "Kirkgate Centre", 611, 470),
    ] {
        server.run(&format!(
            "INSERT INTO CARPARK_SRC (DATE, TIME, NAME, CAPACITY, EMPTY_PLACES, STATUS, LATITUDE,
                LONGITUDE, DIRECTIONSURL)
             VALUES ('2024-05-04', '{time}', '{name}', {capacity}, {empty}, 'Spaces', 53.79, -1.75,
                'https://example.org/');"
        ));
    }
    server.engine.run_until_idle();
    let rows = server.rows("SELECT * FROM CARPARK WHERE NAME = 'Kirkgate Centre';");
    let text = |t: &str| Value::String(t.to_owned());
    let kirkgate = vec![
        text("Kirkgate Centre"),
        Value::Integer(611),
        Value::Integer(470),
        Value::Double(487.5),
    ];
    assert_eq!(rows, [kirkgate]);
    let rows = server.rows("SELECT NAME, PCT_FULL FROM CARPARK_EVENTS EMIT CHANGES LIMIT 2;");
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0][0], text("Westgate"));
    let rows = server.rows("SELECT NAME FROM CARPARK ORDER BY NAME DESC LIMIT 1;");
    assert_eq!(rows, [[text("Westgate")]]);
    let rows = server.rows("SELECT NAME FROM CARPARK_EVENTS WHERE EMPTY_PLACES > 100;");
    assert_eq!(rows.len(), 2);
}
