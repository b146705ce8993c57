//! Tests of the embedded journal as a whole: whatever happens at whatever moment, what is found
//! afterwards is a moment that was.

use std::collections::BTreeMap;

use bytes::Bytes;
use model::ManualClock;

use super::simulated::{Failure, SimulatedDisk};
use super::*;
use crate::MemoryJournal;
use crate::journal::CleanupPolicy;

/// A step of the story.
#[derive(Clone, Debug)]
enum Step {
    Create(TopicSpec),
    Delete(&'static str),
    Commit(Commit),
    Forget(GroupId),
    Clock(i64),
    Maintain,
}

/// Everything a journal can be asked, so that two moments can be compared.
#[derive(Clone, Debug, Default, PartialEq)]
struct Moment {
    topics: Vec<TopicInfo>,
    partitions: BTreeMap<TopicPartition, Contents>,
    groups: BTreeMap<GroupId, BTreeMap<TopicPartition, Offset>>,
}

type Contents = (Offset, Offset, Vec<(Offset, Record, TimestampMs)>);

impl Moment {
    fn of(journal: &dyn Journal) -> Self {
        let topics = journal.topics();
        let partitions = topics.iter().flat_map(|topic| {
            let name = topic.spec.name.clone();
            (0..topic.spec.partitions).map(move |n| TopicPartition::new(name.clone(), n))
        });
        let partitions = partitions.map(|partition| {
            let bounds = journal.bounds(&partition).unwrap();
            let fetched = journal.read(&partition, Offset::ZERO, usize::MAX).unwrap();
            assert_eq!(fetched.next, bounds.end);
            let records = fetched.records.into_iter().zip(fetched.appended_at);
            let records = records.map(|((offset, record), at)| (offset, record, at)).collect();
            (partition, (bounds.start, bounds.end, records))
        });
        let partitions = partitions.collect();
        let groups = journal.groups().into_iter().map(|group| {
            let committed = journal.committed(&group);
            (group, committed)
        });
        Self { topics, partitions, groups: groups.collect() }
    }

    /// Whether this is `before`, `after`, or - in a clean-up, which goes partition by partition -
    /// something between.
    fn is_between(&self, before: &Moment, after: &Moment) -> bool {
        let mixed = || {
            (&self.topics, &self.groups) == (&before.topics, &before.groups)
                && self.partitions.iter().all(|(partition, contents)| {
                    [before, after].iter().any(|m| m.partitions.get(partition) == Some(contents))
                })
        };
        self == before || self == after || (before.topics == after.topics && mixed())
    }
}

/// Numbers that look random and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) as usize % limit
    }
}

fn story(chance: &mut Chance, steps: usize) -> Vec<Step> {
    let kept = TopicSpec::new("kept", 3);
    let forgotten =
        TopicSpec { retention: Some(Duration::from_millis(50)), ..TopicSpec::new("forgotten", 2) };
    let compacted = TopicSpec { cleanup: CleanupPolicy::Compact, ..TopicSpec::new("compacted", 1) };
    let mut story: Vec<_> = [kept, forgotten, compacted].map(Step::Create).into();
    let mut brief = false;
    for n in 0..steps {
        story.push(match chance.below(12) {
            0 => Step::Clock(1000 + n as i64 * 10),
            1 => Step::Maintain,
            2 => {
                brief = !brief;
                match brief {
                    true => Step::Create(TopicSpec::new("brief", 2)),
                    false => Step::Delete("brief"),
                }
            }
            3 => Step::Forget(GroupId("view".into())),
            _ => Step::Commit(commit(chance, n, brief)),
        });
    }
    story
}

fn commit(chance: &mut Chance, n: usize, brief: bool) -> Commit {
    let topics = ["kept", "kept", "compacted", "forgotten", "brief"];
    let mut commit = Commit::default();
    for part in 0..chance.below(4) {
        let topic = topics[chance.below(if brief { 5 } else { 4 })];
        let number = if topic == "compacted" { 0 } else { chance.below(2) as u32 };
        let records = (0..chance.below(4)).map(|record| Record {
            key: Some(Bytes::from(format!("key {}", chance.below(3)))),
            value: match chance.below(40) {
                0 => None,
                // Too large for the log, so its segment is flushed.
                1 => Some(Bytes::from(vec![b'x'; 70_000])),
                _ => Some(Bytes::from(format!("value {n} {part} {record}"))),
            },
            timestamp: TimestampMs(chance.below(1000) as i64),
            headers: Vec::new(),
        });
        let records: Vec<_> = records.collect();
        commit.records.push((TopicPartition::new(topic, number), records));
    }
    let progress = (GroupId("view".into()), TopicPartition::new("kept", 0), Offset(n as i64));
    commit.offsets.push(progress);
    commit
}

fn apply(journal: &dyn Journal, clock: &ManualClock, step: &Step) -> Result<(), String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    match step.clone() {
        Step::Create(spec) => journal.create_topic(spec).map(|_| ()).map_err(|e| said(&e)),
        Step::Delete(name) => journal.delete_topic(name).map_err(|e| said(&e)),
        Step::Commit(commit) => journal.commit(commit).map(|_| ()).map_err(|e| said(&e)),
        Step::Forget(group) => journal.delete_group(&group).map_err(|e| said(&e)),
        Step::Maintain => journal.maintain().map_err(|e| said(&e)),
        Step::Clock(now) => {
            clock.set(TimestampMs(now));
            Ok(())
        }
    }
}

fn rules() -> RetentionOptions {
    RetentionOptions {
        tombstone_delay: Duration::from_millis(100),
        dirty_ratio_min: 0.0,
        ..RetentionOptions::default()
    }
}

/// A segment for each append, as the memory backend has it, so that both clean up the same.
fn options(fsync: Fsync, clock: Arc<ManualClock>) -> EmbeddedOptions {
    EmbeddedOptions {
        fsync,
        segment_bytes: 1,
        log_bytes: 3000,
        open_files_max: 4,
        retention: rules(),
        clock,
        ..EmbeddedOptions::default()
    }
}

/// What the story's moments are, if nothing goes wrong.
fn moments(story: &[Step]) -> Vec<Moment> {
    let clock = Arc::new(ManualClock::default());
    let journal = MemoryJournal::with_options(clock.clone(), rules(), 8 << 20);
    let mut moments = vec![Moment::of(&journal)];
    for step in story {
        apply(&journal, &clock, step).unwrap();
        moments.push(Moment::of(&journal));
    }
    moments
}

/// A story told on a disk up to its first failure.
struct Told {
    journal: Option<EmbeddedJournal>,
    clock: Arc<ManualClock>,
    /// How many steps were done without an error.
    done: usize,
}

fn tell(story: &[Step], disk: &SimulatedDisk, fsync: Fsync) -> Told {
    let clock = Arc::new(ManualClock::default());
    let opened = EmbeddedJournal::open_simulated(options(fsync, clock.clone()), disk);
    let Ok(journal) = opened else { return Told { journal: None, clock, done: 0 } };
    let done = story.iter().take_while(|step| apply(&journal, &clock, step).is_ok()).count();
    Told { journal: Some(journal), clock, done }
}

impl EmbeddedJournal {
    fn open_simulated(options: EmbeddedOptions, disk: &SimulatedDisk) -> Result<Self, OpenError> {
        let root = Path::new("/simulated");
        Self::open_locked(Lock::none(), root, options, Arc::new(disk.clone()))
    }
}

/// Opens the journal on `disk` and sees that it can be written to and opened again.
fn reopened(disk: &SimulatedDisk, fsync: Fsync) -> Moment {
    let open = || EmbeddedJournal::open_simulated(options(fsync, Arc::default()), disk).unwrap();
    let journal = open();
    let found = Moment::of(&journal);
    if journal.topic("kept").is_some() {
        let kept = TopicPartition::new("kept", 2);
        journal.append(&kept, vec![Record::default()]).unwrap();
        let after = Moment::of(&journal);
        drop(journal);
        assert_eq!(Moment::of(&open()), after);
    }
    found
}

const POLICIES: [Fsync; 3] =
    [Fsync::None, Fsync::Interval(Duration::from_secs(3600)), Fsync::Group];

/// Tells a story with each of many moments of failure. `JOURNAL_SEED` tells other stories.
fn at_every_moment(seed: u64, mut check: impl FnMut(&[Step], &[Moment], Fsync, u64)) {
    let other = std::env::var("JOURNAL_SEED").ok().and_then(|seed| seed.parse().ok());
    for (seed, fsync) in (other.unwrap_or(seed)..).zip(POLICIES) {
        let mut chance = Chance(seed);
        let story = story(&mut chance, 24);
        let moments = moments(&story);
        let whole = SimulatedDisk::new(Failure::Never);
        let told = tell(&story, &whole, fsync);
        assert_eq!(told.done, story.len());
        assert_eq!(&Moment::of(told.journal.as_ref().unwrap()), moments.last().unwrap());
        drop(told);
        assert_eq!(&reopened(&whole, fsync), moments.last().unwrap());
        for moment in 0..whole.operations() {
            check(&story, &moments, fsync, moment);
        }
    }
}

#[test]
fn a_killed_process_leaves_all_that_was_committed() {
    at_every_moment(11, |story, moments, fsync, moment| {
        let disk = SimulatedDisk::new(Failure::From(moment));
        let told = tell(story, &disk, fsync);
        let disk = disk.after_kill();
        // The process that recovers is killed too, and then one more.
        disk.fail(Failure::From(moment % 7));
        drop(tell(&[], &disk, fsync));
        let found = reopened(&disk.after_kill(), fsync);
        let (before, after) = (&moments[told.done], &moments[(told.done + 1).min(story.len())]);
        assert!(found.is_between(before, after), "{fsync:?} killed at {moment}");
    });
}

#[test]
fn a_power_cut_leaves_a_moment_that_was() {
    at_every_moment(22, |story, moments, fsync, moment| {
        let disk = SimulatedDisk::new(Failure::From(moment));
        let told = tell(story, &disk, fsync);
        let mut chance = Chance(moment);
        for _ in 0..3 {
            let disk = disk.after_power_cut(&mut |limit| chance.below(limit));
            if chance.below(2) == 0 {
                // The power goes once more, while the journal is being recovered.
                disk.fail(Failure::From(chance.below(9) as u64));
                drop(tell(&[], &disk, fsync));
            }
            let disk = disk.after_power_cut(&mut |limit| chance.below(limit));
            let found = reopened(&disk, fsync);
            // With `group`, what was answered for is there; else it may be any moment before.
            let oldest = if fsync == Fsync::Group { told.done } else { 0 };
            let newest = (told.done + 1).min(story.len());
            let known = (oldest..=newest)
                .any(|n| found.is_between(&moments[n], &moments[(n + 1).min(newest)]));
            assert!(known, "{fsync:?} cut at {moment}");
        }
    });
}

#[test]
fn a_failed_write_or_flush_stops_writes_and_loses_nothing() {
    at_every_moment(33, |story, moments, fsync, moment| {
        let disk = SimulatedDisk::new(Failure::Once(moment));
        let told = tell(story, &disk, fsync);
        let Some(journal) = told.journal else { return };
        if told.done == story.len() {
            // The failure was one that does not matter: a file could not be removed.
            return;
        }
        let found = Moment::of(&journal);
        let (before, after) = (&moments[told.done], &moments[told.done + 1]);
        assert!(found.is_between(before, after), "{fsync:?} failed at {moment}");
        let refused = apply(&journal, &told.clock, &Step::Create(TopicSpec::new("more", 1)));
        if let Err(refused) = &refused {
            assert!(refused.contains("read-only"), "{refused}");
        }
        // A failed commit is never seen, not even later.
        let failed = &story[told.done];
        let found = Moment::of(&journal);
        drop(journal);
        let later = reopened(&disk, fsync);
        assert_eq!(later, found, "{fsync:?} failed at {moment}, in {failed:?}");
    });
}

/// Whoever tells it something panics, as one does whose log is on the disk that is full.
struct Untold;

impl tracing::Subscriber for Untold {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        panic!("there is no space for the log");
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn a_failure_that_cannot_be_told_stops_writes_all_the_same() {
    let disk = SimulatedDisk::new(Failure::Never);
    let options = options(Fsync::Group, Arc::default());
    let journal = EmbeddedJournal::open_simulated(options, &disk).unwrap();
    journal.create_topic(TopicSpec::new("t", 1)).unwrap();
    disk.fail(Failure::Once(0));
    let partition = TopicPartition::new("t", 0);
    let append = || journal.append(&partition, vec![Record::default()]);
    let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        tracing::subscriber::with_default(Untold, append)
    }));
    assert!(told.is_err(), "it panicked");
    let refused = append().unwrap_err().to_string();
    assert!(refused.contains("read-only") && refused.contains("restart"), "{refused}");
}

#[test]
fn open_files_are_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let options = options(Fsync::None, Arc::default());
    let bound = options.open_files_max;
    let journal = EmbeddedJournal::open(directory.path(), options).unwrap();
    journal.create_topic(TopicSpec::new("wide", 20)).unwrap();
    for n in 0..60 {
        let partition = TopicPartition::new("wide", n % 20);
        journal.append(&partition, vec![Record::default()]).unwrap();
    }
    for n in 0..20 {
        let wide = TopicPartition::new("wide", n);
        assert_eq!(journal.read(&wide, Offset::ZERO, 1 << 20).unwrap().records.len(), 3);
        assert!(journal.open_files() <= bound);
    }
}
