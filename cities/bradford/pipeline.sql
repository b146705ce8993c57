-- Bradford: the talk's own pipeline, then ours beside it.

SET 'auto.offset.reset' = 'earliest';

-- The talk: a schema on the rows as they come.
CREATE STREAM IF NOT EXISTS CARPARK_SRC (date          VARCHAR ,
                                         time          VARCHAR ,
                                         name          VARCHAR ,
                                         capacity      INT ,
                                         empty_places  INT ,
                                         status        VARCHAR ,
                                         latitude      DOUBLE ,
                                         longitude     DOUBLE ,
                                         directionsURL VARCHAR)
  WITH (KAFKA_TOPIC = 'carparks', PARTITIONS = 1, VALUE_FORMAT = 'DELIMITED');

-- The talk: a typed stream, with the time of the data, how full, and where.
CREATE STREAM IF NOT EXISTS CARPARK_EVENTS WITH (VALUE_FORMAT = 'PROTOBUF') AS
SELECT STRINGTOTIMESTAMP(DATE + ' ' + TIME, 'yyyy-MM-dd HH:mm', 'Europe/London') AS TS,
       *,
       (CAST((CAPACITY - EMPTY_PLACES) AS DOUBLE) /
        CAST(CAPACITY AS DOUBLE)) * 100 AS PCT_FULL,
       STRUCT("lat" := LATITUDE, "lon" := LONGITUDE) AS "location",
       'v2/Council/CarParkCurrent' AS SOURCE
  FROM CARPARK_SRC
  EMIT CHANGES;

-- The talk: the current state of each car park, by arrival (PARKING_NOW goes by the data's time).
CREATE TABLE IF NOT EXISTS CARPARK AS
SELECT NAME,
       TIMESTAMPTOSTRING(LATEST_BY_OFFSET(TS),
                         'yyyy-MM-dd HH:mm:ss', 'Europe/London') AS LATEST_TS,
       LATEST_BY_OFFSET(CAPACITY)      AS CAPACITY,
       LATEST_BY_OFFSET(EMPTY_PLACES)  AS CURRENT_EMPTY_PLACES,
       LATEST_BY_OFFSET(PCT_FULL)      AS CURRENT_PCT_FULL,
       AVG(EMPTY_PLACES)               AS AVG_EMPTY_PLACES,
       LATEST_BY_OFFSET(STATUS)        AS CURRENT_STATUS,
       LATEST_BY_OFFSET(LATITUDE)      AS LATITUDE,
       LATEST_BY_OFFSET(LONGITUDE)     AS LONGITUDE,
       LATEST_BY_OFFSET(DIRECTIONSURL) AS DIRECTIONSURL
  FROM CARPARK_EVENTS
  GROUP BY NAME;

-- Ours: the same rows for the views of all cities. What people see is clamped to what can be; the
-- raw number stays beside it, and a flag says why they differ.
INSERT INTO PARKING_EVENTS WITH (QUERY_ID = 'bradford_to_parking_events')
SELECT NAME,
       'bradford' AS CITY,
       STRINGTOTIMESTAMP(DATE + ' ' + TIME, 'yyyy-MM-dd HH:mm', 'Europe/London') AS TS,
       CASE WHEN EMPTY_PLACES < 0 THEN CAST(NULL AS INT)
            WHEN CAPACITY > 0 AND EMPTY_PLACES > CAPACITY THEN CAPACITY
            ELSE EMPTY_PLACES
       END AS FREE,
       EMPTY_PLACES AS FREE_RAW,
       CASE WHEN CAPACITY > 0 THEN CAPACITY END AS CAPACITY,
       CASE WHEN CAPACITY IS NULL OR EMPTY_PLACES IS NULL THEN CAST(NULL AS DOUBLE)
            WHEN CAPACITY <= 0 OR EMPTY_PLACES < 0 THEN CAST(NULL AS DOUBLE)
            WHEN EMPTY_PLACES > CAPACITY THEN CAST(0 AS DOUBLE)
            ELSE CAST(CAPACITY - EMPTY_PLACES AS DOUBLE) / CAST(CAPACITY AS DOUBLE) * 100
       END AS PCT_FULL,
       CASE WHEN STATUS IS NULL OR STATUS = '' THEN CAST(NULL AS VARCHAR)
            WHEN UCASE(STATUS) LIKE '%CLOSED%' THEN 'CLOSED'
            ELSE 'OPEN'
       END AS STATUS,
       CASE WHEN EMPTY_PLACES < 0 THEN 'the feed does not know the number at the moment'
            WHEN EMPTY_PLACES > CAPACITY
            THEN 'the feed tells of more free spaces than there are spaces'
       END AS FLAG,
       CASE WHEN LATITUDE <> 0 THEN LATITUDE END AS LATITUDE,
       CASE WHEN LATITUDE <> 0 THEN LONGITUDE END AS LONGITUDE,
       DIRECTIONSURL AS DIRECTIONS_URL
  FROM CARPARK_SRC
 WHERE NAME IS NOT NULL
   AND STRINGTOTIMESTAMP(DATE + ' ' + TIME, 'yyyy-MM-dd HH:mm', 'Europe/London')
       < ROWTIME + 3600000
  PARTITION BY NAME
  EMIT CHANGES;
