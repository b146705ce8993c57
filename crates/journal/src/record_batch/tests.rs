//! Batches round-trip, damaged and hostile bytes are refused, and Kafka's own words agree.

use kafka_protocol::records::{
    Compression, Record as KafkaRecord, RecordBatchDecoder, RecordBatchEncoder,
    RecordEncodeOptions, TimestampType,
};
use model::Header;
use proptest::prelude::*;

use super::*;

fn bytes_or_null() -> impl Strategy<Value = Option<Bytes>> {
    prop::option::of(prop::collection::vec(any::<u8>(), 0..80).prop_map(Bytes::from))
}

fn record(timestamp: impl Strategy<Value = i64>) -> impl Strategy<Value = Record> {
    let header = ("[a-zé]{0,5}", bytes_or_null()).prop_map(|(name, value)| Header { name, value });
    (bytes_or_null(), bytes_or_null(), timestamp, prop::collection::vec(header, 0..3)).prop_map(
        |(key, value, timestamp, headers)| Record {
            key,
            value,
            timestamp: TimestampMs(timestamp),
            headers,
        },
    )
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    prop::collection::vec(record(prop_oneof![any::<i64>(), 0i64..1 << 41]), 1..20)
}

/// Records with times that Kafka's codec in Rust can take the difference of without a panic.
fn kafka_records() -> impl Strategy<Value = Vec<Record>> {
    prop::collection::vec(record(-(1i64 << 41)..1 << 41), 1..20)
}

fn encoded(base: i64, appended_at: i64, records: &[Record]) -> Bytes {
    let mut out = Vec::new();
    encode_batch(&mut out, TimestampMs(appended_at), records);
    set_base_offset(&mut out, Offset(base));
    Bytes::from(out)
}

fn decoded(bytes: &Bytes) -> Result<Vec<(Offset, Record)>, BatchError> {
    decode_batch(bytes, 0).and_then(|(_, records)| records.collect())
}

proptest! {
    #[test]
    fn a_batch_round_trips(records in records(), base in 0i64..1 << 40, at: i64) {
        let bytes = encoded(base, at, &records);
        let (header, _) = decode_batch(&bytes, 0).unwrap();
        prop_assert_eq!(header.appended_at, TimestampMs(at));
        prop_assert_eq!(header.bytes, bytes.len());
        prop_assert_eq!(header.end(), Offset(base + records.len() as i64));
        prop_assert_eq!(header.max_timestamp, records.iter().map(|r| r.timestamp).max().unwrap());
        let expect: Vec<_> = (base..).map(Offset).zip(records).collect();
        prop_assert_eq!(decoded(&bytes).unwrap(), expect);
    }

    #[test]
    fn a_cut_batch_is_refused(records in records(), cut in 0f64..1.0) {
        let bytes = encoded(0, 0, &records);
        let kept = bytes.slice(..(bytes.len() as f64 * cut) as usize);
        let cut_off = matches!(decoded(&kept), Err(BatchError::Truncated { .. }));
        prop_assert!(cut_off);
    }

    #[test]
    fn a_flipped_bit_is_noticed(records in records(), place: prop::sample::Index, bit in 0u8..8) {
        let bytes = encoded(3, 0, &records);
        let mut broken = bytes.to_vec();
        // Offset and leader epoch are outside the checksum, as in Kafka.
        let at = 16 + place.index(broken.len() - 16);
        broken[at] ^= 1 << bit;
        prop_assert!(decoded(&Bytes::from(broken)).is_err());
    }

    #[test]
    fn hostile_bytes_are_refused_or_understood(
        records in records(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        noise in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        fuzz_record_batches(&noise);
        let mut bytes = encoded(0, 0, &records).to_vec();
        for (place, value) in changes {
            let at = place.index(bytes.len());
            bytes[at] = value;
        }
        fuzz_record_batches(&bytes);
    }

    #[test]
    fn kafka_reads_what_we_write(
        records in kafka_records(),
        base in 0i64..1000,
        at in 0i64..1 << 41,
    ) {
        let mut bytes = encoded(base, at, &records);
        let theirs = RecordBatchDecoder::decode(&mut bytes).unwrap().records;
        prop_assert_eq!(theirs.len(), records.len());
        for (n, (theirs, ours)) in theirs.iter().zip(&records).enumerate() {
            prop_assert_eq!(theirs.offset, base + n as i64);
            prop_assert_eq!(theirs.timestamp, ours.timestamp.0);
            prop_assert_eq!(&theirs.key, &ours.key);
            prop_assert_eq!(&theirs.value, &ours.value);
        }
    }

    #[test]
    fn we_read_what_kafka_writes(records in kafka_records(), base in 0i64..1000) {
        let theirs = (base..).zip(&records).map(|(offset, record)| kafka_record(offset, record));
        let theirs: Vec<_> = theirs.collect();
        let mut bytes = bytes::BytesMut::new();
        let options = RecordEncodeOptions { version: 2, compression: Compression::None };
        RecordBatchEncoder::encode(&mut bytes, &theirs, &options).unwrap();
        let ours = decoded(&bytes.freeze()).unwrap();
        for ((offset, ours), theirs) in ours.iter().zip(&theirs) {
            prop_assert_eq!(offset.0, theirs.offset);
            prop_assert_eq!(ours.timestamp.0, theirs.timestamp);
            prop_assert_eq!(&ours.key, &theirs.key);
            prop_assert_eq!(&ours.value, &theirs.value);
        }
    }
}

fn kafka_record(offset: i64, record: &Record) -> KafkaRecord {
    KafkaRecord {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: 0,
        producer_id: -1,
        producer_epoch: -1,
        timestamp_type: TimestampType::Creation,
        offset,
        sequence: (offset % 1000) as i32,
        timestamp: record.timestamp.0,
        key: record.key.clone(),
        value: record.value.clone(),
        headers: Default::default(),
    }
}

#[test]
fn a_compressed_batch_is_refused() {
    let mut bytes = encoded(0, 0, &[Record::default()]).to_vec();
    bytes[22] = 1;
    let crc = crc32c::crc32c(&bytes[CRC_FROM..]);
    bytes[CRC_AT..CRC_FROM].copy_from_slice(&crc.to_be_bytes());
    assert_eq!(decoded(&Bytes::from(bytes)), Err(BatchError::Compressed(1)));
}
