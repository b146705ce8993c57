use functions::ArgType;
use functions::scalar::{Arg, Call, scalar};
use model::column::{column_of, constant_column};
use model::{SqlType, Value};
fn main() {
    let f = scalar("STRINGTOTIMESTAMP").unwrap();
    let ty = ArgType::Sql(SqlType::String);
    let r = f.resolve(&[ty.clone(), ty.clone(), ty.clone()]).unwrap();
    for (what, step) in [("distinct minutes", 1), ("every 7 hours", 420)] {
        let texts: Vec<Value> = (0..100_000)
            .map(|i| {
                let m = i * step;
                Value::String(format!(
                    "20{:02}-{:02}-{:02} {:02}:{:02}",
                    (m / 60 / 24 / 336) % 90,
                    (m / 60 / 24 / 28) % 12 + 1,
                    (m / 60 / 24) % 28 + 1,
                    (m / 60) % 24,
                    m % 60
                ))
            })
            .collect();
        let args = [
            Arg::Column(column_of(&SqlType::String, &texts)),
            Arg::Column(constant_column(
                &SqlType::String,
                &Value::String("yyyy-MM-dd HH:mm".into()),
                texts.len(),
            )),
            Arg::Column(constant_column(
                &SqlType::String,
                &Value::String("Europe/London".into()),
                texts.len(),
            )),
        ];
        let call = Call {
            args: &args,
            arg_types: &r.args,
            returns: &r.returns,
            rows: texts.len(),
            now_ms: 0,
        };
        for _ in 0..3 {
            let t = std::time::Instant::now();
            let out = f.evaluate(r.signature, &call);
            let e = t.elapsed();
            println!(
                "{what}: {} ns/row, {} errors",
                e.as_nanos() / 100_000,
                out.errors.iter().count()
            );
        }
    }
}
