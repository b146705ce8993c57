-- Leeds: DATEX II v1 as JSON, its names as the talk has them.

SET 'auto.offset.reset' = 'earliest';

-- The talk: a schema on the situation records.
CREATE STREAM IF NOT EXISTS CARPARK_LEEDS_SRC01 (
    "d2lm:situationRecordCreationTime" VARCHAR,
    "d2lm:groupOfLocations" STRUCT <
        "d2lm:locationContainedInGroup" STRUCT <
            "d2lm:pointByCoordinates" STRUCT <
                "d2lm:pointCoordinates" STRUCT <
                    "d2lm:latitude" DOUBLE,
                    "d2lm:longitude" DOUBLE > > > >,
    "d2lm:carParkIdentity" VARCHAR,
    "d2lm:carParkOccupancy" DOUBLE,
    "d2lm:carParkStatus" VARCHAR,
    "d2lm:occupiedSpaces" INT,
    "d2lm:totalCapacity"  INT
    )
  WITH (KAFKA_TOPIC = 'carparks_leeds', PARTITIONS = 1, VALUE_FORMAT = 'JSON');

-- Ours: plain names for the columns that count.
CREATE STREAM IF NOT EXISTS LEEDS_READINGS
  WITH (KAFKA_TOPIC = 'leeds_readings', PARTITIONS = 1, VALUE_FORMAT = 'JSON') AS
SELECT SPLIT("d2lm:carParkIdentity", ':')[1] AS NAME,
       STRINGTOTIMESTAMP("d2lm:situationRecordCreationTime",
                         'yyyy-MM-dd''T''HH:mm:ss', 'Europe/London') AS TS,
       "d2lm:totalCapacity" AS CAPACITY,
       "d2lm:totalCapacity" - "d2lm:occupiedSpaces" AS FREE,
       UCASE("d2lm:carParkStatus") AS STATUS,
       "d2lm:groupOfLocations" -> "d2lm:locationContainedInGroup" -> "d2lm:pointByCoordinates"
           -> "d2lm:pointCoordinates" -> "d2lm:latitude" AS LATITUDE,
       "d2lm:groupOfLocations" -> "d2lm:locationContainedInGroup" -> "d2lm:pointByCoordinates"
           -> "d2lm:pointCoordinates" -> "d2lm:longitude" AS LONGITUDE
  FROM CARPARK_LEEDS_SRC01
  EMIT CHANGES;

-- Spaces are counted as occupied: more occupied than there are means full.
INSERT INTO PARKING_EVENTS WITH (QUERY_ID = 'leeds_to_parking_events')
SELECT NAME,
       'leeds' AS CITY,
       TS,
       CASE WHEN CAPACITY <= 0 THEN CAST(NULL AS INT)
            WHEN FREE < 0 THEN 0
            WHEN FREE > CAPACITY THEN CAPACITY
            ELSE FREE
       END AS FREE,
       FREE AS FREE_RAW,
       CASE WHEN CAPACITY > 0 THEN CAPACITY END AS CAPACITY,
       CASE WHEN CAPACITY IS NULL OR CAPACITY <= 0 THEN CAST(NULL AS DOUBLE)
            WHEN FREE < 0 THEN CAST(100 AS DOUBLE)
            WHEN FREE > CAPACITY THEN CAST(0 AS DOUBLE)
            ELSE CAST(CAPACITY - FREE AS DOUBLE) / CAST(CAPACITY AS DOUBLE) * 100
       END AS PCT_FULL,
       CASE WHEN STATUS IS NULL THEN CAST(NULL AS VARCHAR)
            WHEN STATUS LIKE '%CLOSED%' THEN 'CLOSED'
            ELSE 'OPEN'
       END AS STATUS,
       CASE WHEN FREE < 0 THEN 'the feed tells of more cars than there are spaces'
            WHEN FREE > CAPACITY THEN 'the feed tells of more free spaces than there are spaces'
       END AS FLAG,
       CASE WHEN LATITUDE <> 0 THEN LATITUDE END AS LATITUDE,
       CASE WHEN LATITUDE <> 0 THEN LONGITUDE END AS LONGITUDE,
       CAST(NULL AS VARCHAR) AS DIRECTIONS_URL
  FROM LEEDS_READINGS
 WHERE NAME IS NOT NULL
   AND FREE IS NOT NULL
   AND TS < ROWTIME + 3600000
  PARTITION BY NAME
  EMIT CHANGES;
