-- What every city provides, and all that the bot knows: see README.md beside this file for
-- each view's columns. Run at every start, before the cities' own pipelines; what is there
-- already stays. Those INSERT INTO PARKING_EVENTS. Everything here is ksqlDB's dialect but for
-- LATEST_BY_TIME (see COMPAT.md).

SET 'auto.offset.reset' = 'earliest';

-- Every reading of every car park, typed, by the time of the data. A row without FREE_RAW tells
-- what is known of the place only. Nulls stay nulls in PROTOBUF: an unknown number is not zero.
CREATE STREAM IF NOT EXISTS PARKING_EVENTS (
    NAME           VARCHAR KEY,
    CITY           VARCHAR,
    TS             BIGINT,
    FREE           INT,
    FREE_RAW       INT,
    CAPACITY       INT,
    PCT_FULL       DOUBLE,
    STATUS         VARCHAR,
    FLAG           VARCHAR,
    LATITUDE       DOUBLE,
    LONGITUDE      DOUBLE,
    DIRECTIONS_URL VARCHAR)
  WITH (KAFKA_TOPIC = 'parking_events',
        PARTITIONS = 1,
        VALUE_FORMAT = 'PROTOBUF',
        VALUE_PROTOBUF_NULLABLE_REPRESENTATION = 'OPTIONAL',
        TIMESTAMP = 'TS');

-- Each car park as it is now: the newest reading by the data's own time, so that a row that comes
-- late (or a history loaded afterwards) never becomes "now". What a pipeline lets through is put
-- right here: a negative number is an unknown one, and nothing is freer than it has spaces.
CREATE TABLE IF NOT EXISTS PARKING_NOW
  WITH (KAFKA_TOPIC = 'parking_now', PARTITIONS = 1, VALUE_FORMAT = 'JSON') AS
SELECT NAME,
       LATEST_BY_OFFSET(CITY) AS CITY,
       MAX(CASE WHEN FREE >= 0 THEN TS END) AS TS,
       -- The capacity may come in a document of its own, after the reading.
       CASE WHEN LATEST_BY_TIME(FREE, CASE WHEN FREE >= 0 THEN TS END)
                 > LATEST_BY_OFFSET(CAPACITY)
            THEN LATEST_BY_OFFSET(CAPACITY)
            ELSE LATEST_BY_TIME(FREE, CASE WHEN FREE >= 0 THEN TS END)
       END AS FREE,
       LATEST_BY_TIME(FREE_RAW, CASE WHEN FREE_RAW IS NOT NULL THEN TS END) AS FREE_RAW,
       LATEST_BY_OFFSET(CAPACITY) AS CAPACITY,
       CASE WHEN LATEST_BY_TIME(FREE, CASE WHEN FREE >= 0 THEN TS END) IS NULL
                 OR LATEST_BY_OFFSET(CAPACITY) IS NULL OR LATEST_BY_OFFSET(CAPACITY) <= 0
            THEN CAST(NULL AS DOUBLE)
            WHEN LATEST_BY_TIME(FREE, CASE WHEN FREE >= 0 THEN TS END)
                 > LATEST_BY_OFFSET(CAPACITY)
            THEN CAST(0 AS DOUBLE)
            ELSE CAST(LATEST_BY_OFFSET(CAPACITY)
                      - LATEST_BY_TIME(FREE, CASE WHEN FREE >= 0 THEN TS END) AS DOUBLE)
                 / CAST(LATEST_BY_OFFSET(CAPACITY) AS DOUBLE) * 100
       END AS PCT_FULL,
       LATEST_BY_TIME(STATUS, CASE WHEN FREE_RAW IS NOT NULL THEN TS END) AS STATUS,
       CASE WHEN LATEST_BY_TIME(FREE_RAW, CASE WHEN FREE_RAW IS NOT NULL THEN TS END)
                 > LATEST_BY_OFFSET(CAPACITY)
            THEN 'the feed tells of more free spaces than there are spaces'
            WHEN LATEST_BY_TIME(FREE_RAW, CASE WHEN FREE_RAW IS NOT NULL THEN TS END) < 0
                 AND LATEST_BY_TIME(FLAG, CASE WHEN FREE_RAW IS NOT NULL THEN TS END) IS NULL
            THEN 'the feed does not know the number at the moment'
            ELSE LATEST_BY_TIME(FLAG, CASE WHEN FREE_RAW IS NOT NULL THEN TS END)
       END AS FLAG,
       LATEST_BY_OFFSET(LATITUDE) AS LATITUDE,
       LATEST_BY_OFFSET(LONGITUDE) AS LONGITUDE,
       LATEST_BY_OFFSET(DIRECTIONS_URL) AS DIRECTIONS_URL,
       -- Five readings ago, if that was 10 to 40 minutes ago: for the trend.
       CASE WHEN LATEST_BY_TIME(FREE, CASE WHEN FREE >= 0 THEN TS END) IS NULL
            THEN CAST(NULL AS INT)
            WHEN LATEST_BY_OFFSET(CASE WHEN FREE >= 0 THEN TS END, 6)[1]
                 BETWEEN MAX(CASE WHEN FREE >= 0 THEN TS END) - 2400000
                     AND MAX(CASE WHEN FREE >= 0 THEN TS END) - 600000
            THEN LATEST_BY_OFFSET(CASE WHEN FREE >= 0 THEN FREE END, 6)[1]
       END AS FREE_BEFORE,
       -- The reading before the newest by the data's time, however long before: for edges. A late
       -- row is never the newest, so that histories cross no thresholds.
       TOPK(CASE WHEN FREE >= 0 THEN TS END, FREE, 2)[2] -> "col0" AS FREE_PREVIOUS
  FROM PARKING_EVENTS
  GROUP BY NAME
  EMIT CHANGES;

-- How it was: by half hours of the data's time, kept for two months. Charts draw today from it, and
-- what is usual from the same half hours of earlier weeks.
CREATE TABLE IF NOT EXISTS PARKING_HISTORY
  WITH (KAFKA_TOPIC = 'parking_history', PARTITIONS = 1, VALUE_FORMAT = 'JSON') AS
SELECT NAME,
       AVG(FREE) AS FREE_AVG,
       MIN(FREE) AS FREE_MIN,
       MAX(FREE) AS FREE_MAX,
       COUNT(FREE) AS READINGS,
       MAX(CAPACITY) AS CAPACITY
  FROM PARKING_EVENTS
  WINDOW TUMBLING (SIZE 30 MINUTES, RETENTION 60 DAYS, GRACE PERIOD 59 DAYS)
  WHERE FREE >= 0
  GROUP BY NAME
  EMIT CHANGES;

-- Who wants to be told of what: written by the bot, a row for each change of mind.
CREATE STREAM IF NOT EXISTS SUBSCRIPTION_CHANGES (
    ID        VARCHAR KEY,
    CHAT      BIGINT,
    NAME      VARCHAR,
    DIRECTION VARCHAR,
    THRESHOLD INT,
    ACTIVE    BOOLEAN,
    LABEL     VARCHAR,
    SINCE     BIGINT)
  WITH (KAFKA_TOPIC = 'subscription_changes', PARTITIONS = 1, VALUE_FORMAT = 'JSON');

-- The fold of it. REARM is the hysteresis: having told of a crossing, an alert waits until free
-- spaces have come back to there (a twentieth of the threshold and two spaces beyond it).
CREATE TABLE IF NOT EXISTS SUBSCRIPTION
  WITH (KAFKA_TOPIC = 'subscription', PARTITIONS = 1, VALUE_FORMAT = 'JSON') AS
SELECT ID,
       LATEST_BY_OFFSET(CHAT) AS CHAT,
       LATEST_BY_OFFSET(NAME) AS NAME,
       LATEST_BY_OFFSET(DIRECTION) AS DIRECTION,
       LATEST_BY_OFFSET(THRESHOLD) AS THRESHOLD,
       LATEST_BY_OFFSET(ACTIVE) AS ACTIVE,
       LATEST_BY_OFFSET(LABEL) AS LABEL,
       LATEST_BY_OFFSET(SINCE) AS SINCE,
       CASE WHEN LATEST_BY_OFFSET(DIRECTION) = 'BELOW'
            THEN LATEST_BY_OFFSET(THRESHOLD) + 2 + LATEST_BY_OFFSET(THRESHOLD) / 20
            WHEN LATEST_BY_OFFSET(THRESHOLD) > 2 + LATEST_BY_OFFSET(THRESHOLD) / 20
            THEN LATEST_BY_OFFSET(THRESHOLD) - 2 - LATEST_BY_OFFSET(THRESHOLD) / 20
            ELSE 0
       END AS REARM
  FROM SUBSCRIPTION_CHANGES
  GROUP BY ID
  EMIT CHANGES;

-- Every subscription beside its car park, however many there are; a change of a car park looks at
-- its own subscriptions, and writes only those for which something happened:
--   MET      the threshold was crossed by the newest reading (or, when subscribing, is met already)
--   REARMED  free spaces came back far enough (or, when subscribing, the threshold is not met)
-- (What is met, the bot says as well: Direction::is_met in crates/bot/src/views.rs.)
CREATE TABLE IF NOT EXISTS ALERT_CROSSINGS
  WITH (KAFKA_TOPIC = 'alert_crossings', PARTITIONS = 1, VALUE_FORMAT = 'JSON') AS
SELECT S.ID AS ID,
       S.CHAT AS CHAT,
       S.NAME AS NAME,
       P.CITY AS CITY,
       S.LABEL AS LABEL,
       S.DIRECTION AS DIRECTION,
       S.THRESHOLD AS THRESHOLD,
       CASE WHEN S.DIRECTION = 'ABOVE' AND P.FREE > S.THRESHOLD THEN 'MET'
            WHEN S.DIRECTION = 'BELOW' AND P.FREE < S.THRESHOLD THEN 'MET'
            ELSE 'REARMED'
       END AS SIGNAL,
       P.TS > S.SINCE AS IS_NEWS,
       P.FREE AS FREE,
       P.CAPACITY AS CAPACITY,
       P.PCT_FULL AS PCT_FULL,
       P.TS AS TS,
       P.LATITUDE AS LATITUDE,
       P.LONGITUDE AS LONGITUDE,
       P.DIRECTIONS_URL AS DIRECTIONS_URL
  FROM SUBSCRIPTION S
       INNER JOIN PARKING_NOW P ON S.NAME = P.NAME
 WHERE S.ACTIVE = TRUE
   AND (P.TS <= S.SINCE
        OR (S.DIRECTION = 'ABOVE' AND P.FREE_PREVIOUS <= S.THRESHOLD AND P.FREE > S.THRESHOLD)
        OR (S.DIRECTION = 'ABOVE' AND P.FREE_PREVIOUS > S.REARM AND P.FREE <= S.REARM)
        OR (S.DIRECTION = 'BELOW' AND P.FREE_PREVIOUS >= S.THRESHOLD AND P.FREE < S.THRESHOLD)
        OR (S.DIRECTION = 'BELOW' AND P.FREE_PREVIOUS < S.REARM AND P.FREE >= S.REARM)
        OR (S.DIRECTION = 'BELOW' AND P.FREE_PREVIOUS < P.CAPACITY AND P.FREE >= P.CAPACITY))
  EMIT CHANGES;

-- The changes of that table, as events. (Rows that went are events without a SIGNAL.)
CREATE STREAM IF NOT EXISTS ALERT_SIGNALS (
    ID             VARCHAR KEY,
    CHAT           BIGINT,
    NAME           VARCHAR,
    CITY           VARCHAR,
    LABEL          VARCHAR,
    DIRECTION      VARCHAR,
    THRESHOLD      INT,
    SIGNAL         VARCHAR,
    IS_NEWS        BOOLEAN,
    FREE           INT,
    CAPACITY       INT,
    PCT_FULL       DOUBLE,
    TS             BIGINT,
    LATITUDE       DOUBLE,
    LONGITUDE      DOUBLE,
    DIRECTIONS_URL VARCHAR)
  WITH (KAFKA_TOPIC = 'alert_crossings', VALUE_FORMAT = 'JSON');

-- Told once: a threshold that is met is news only if the subscription was armed before.
CREATE TABLE IF NOT EXISTS ALERT_EDGES
  WITH (KAFKA_TOPIC = 'alert', PARTITIONS = 1, VALUE_FORMAT = 'JSON') AS
SELECT ID,
       LATEST_BY_OFFSET(CHAT) AS CHAT,
       LATEST_BY_OFFSET(NAME) AS NAME,
       LATEST_BY_OFFSET(CITY) AS CITY,
       LATEST_BY_OFFSET(LABEL) AS LABEL,
       LATEST_BY_OFFSET(DIRECTION) AS DIRECTION,
       LATEST_BY_OFFSET(THRESHOLD) AS THRESHOLD,
       LATEST_BY_OFFSET(FREE) AS FREE,
       LATEST_BY_OFFSET(CAPACITY) AS CAPACITY,
       LATEST_BY_OFFSET(PCT_FULL) AS PCT_FULL,
       LATEST_BY_OFFSET(TS) AS TS,
       LATEST_BY_OFFSET(LATITUDE) AS LATITUDE,
       LATEST_BY_OFFSET(LONGITUDE) AS LONGITUDE,
       LATEST_BY_OFFSET(DIRECTIONS_URL) AS DIRECTIONS_URL
  FROM ALERT_SIGNALS
 WHERE SIGNAL IS NOT NULL
 GROUP BY ID
HAVING LATEST_BY_OFFSET(SIGNAL) = 'MET'
   AND LATEST_BY_OFFSET(IS_NEWS) = TRUE
   AND (ARRAY_LENGTH(LATEST_BY_OFFSET(SIGNAL, 2)) = 1
        OR LATEST_BY_OFFSET(SIGNAL, 2)[1] = 'REARMED')
  EMIT CHANGES;

-- The alerts, each an event: what the bot listens to. (Rows that went are events without a CHAT.)
CREATE STREAM IF NOT EXISTS ALERT (
    ID             VARCHAR KEY,
    CHAT           BIGINT,
    NAME           VARCHAR,
    CITY           VARCHAR,
    LABEL          VARCHAR,
    DIRECTION      VARCHAR,
    THRESHOLD      INT,
    FREE           INT,
    CAPACITY       INT,
    PCT_FULL       DOUBLE,
    TS             BIGINT,
    LATITUDE       DOUBLE,
    LONGITUDE      DOUBLE,
    DIRECTIONS_URL VARCHAR)
  WITH (KAFKA_TOPIC = 'alert', VALUE_FORMAT = 'JSON');

-- How far the bot has come: with Telegram's updates, with the alerts.
CREATE STREAM IF NOT EXISTS BOT_STATE_CHANGES (NAME VARCHAR KEY, POSITION BIGINT)
  WITH (KAFKA_TOPIC = 'bot_state_changes', PARTITIONS = 1, VALUE_FORMAT = 'JSON');

CREATE TABLE IF NOT EXISTS BOT_STATE
  WITH (KAFKA_TOPIC = 'bot_state', PARTITIONS = 1, VALUE_FORMAT = 'JSON') AS
SELECT NAME, LATEST_BY_OFFSET(POSITION) AS POSITION
  FROM BOT_STATE_CHANGES
  GROUP BY NAME
  EMIT CHANGES;
