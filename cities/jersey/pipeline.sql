-- Jersey: raw rows to PARKING_EVENTS. Capacities and places come in a document of their own; both
-- kinds of row go into the same stream, and PARKING_NOW puts them together.

SET 'auto.offset.reset' = 'earliest';

-- A row for each reading of each car park: `2024-10-27 01:04:42,Sand Street,395`.
CREATE STREAM IF NOT EXISTS JERSEY_SPACES (
    STAMP VARCHAR,
    NAME  VARCHAR,
    FREE  INT)
  WITH (KAFKA_TOPIC = 'jersey_spaces', PARTITIONS = 1, VALUE_FORMAT = 'DELIMITED');

-- The times are local and without offset: the hour that comes twice in October is taken for its
-- first. A reading from the future is not believed; a negative number is an unknown one.
INSERT INTO PARKING_EVENTS WITH (QUERY_ID = 'jersey_spaces_to_parking_events')
SELECT NAME,
       'jersey' AS CITY,
       STRINGTOTIMESTAMP(STAMP, 'yyyy-MM-dd HH:mm:ss', 'Europe/Jersey') AS TS,
       CASE WHEN FREE >= 0 THEN FREE END AS FREE,
       FREE AS FREE_RAW,
       CAST(NULL AS INT) AS CAPACITY,
       CAST(NULL AS DOUBLE) AS PCT_FULL,
       CAST(NULL AS VARCHAR) AS STATUS,
       CASE WHEN FREE < 0 THEN 'the feed does not know the number at the moment' END AS FLAG,
       CAST(NULL AS DOUBLE) AS LATITUDE,
       CAST(NULL AS DOUBLE) AS LONGITUDE,
       CAST(NULL AS VARCHAR) AS DIRECTIONS_URL
  FROM JERSEY_SPACES
 WHERE FREE IS NOT NULL
   AND STRINGTOTIMESTAMP(STAMP, 'yyyy-MM-dd HH:mm:ss', 'Europe/Jersey') < ROWTIME + 3600000
  PARTITION BY NAME
  EMIT CHANGES;

CREATE STREAM IF NOT EXISTS JERSEY_PLACES (
    NAME             VARCHAR,
    SPACES           INT,
    LATITUDE         DOUBLE,
    LONGITUDE        DOUBLE,
    LIVETRACKINGCODE VARCHAR)
  WITH (KAFKA_TOPIC = 'jersey_places', PARTITIONS = 1, VALUE_FORMAT = 'JSON');

-- Those that are counted are called "… MS" (multi-storey) here and not there. Nothing is at 0, 0.
INSERT INTO PARKING_EVENTS WITH (QUERY_ID = 'jersey_places_to_parking_events')
SELECT REPLACE(NAME, ' MS', '') AS NAME,
       'jersey' AS CITY,
       ROWTIME AS TS,
       CAST(NULL AS INT) AS FREE,
       CAST(NULL AS INT) AS FREE_RAW,
       SPACES AS CAPACITY,
       CAST(NULL AS DOUBLE) AS PCT_FULL,
       CAST(NULL AS VARCHAR) AS STATUS,
       CAST(NULL AS VARCHAR) AS FLAG,
       CASE WHEN LATITUDE <> 0 THEN LATITUDE END AS LATITUDE,
       CASE WHEN LATITUDE <> 0 THEN LONGITUDE END AS LONGITUDE,
       CAST(NULL AS VARCHAR) AS DIRECTIONS_URL
  FROM JERSEY_PLACES
 WHERE LIVETRACKINGCODE IS NOT NULL
  PARTITION BY REPLACE(NAME, ' MS', '')
  EMIT CHANGES;
