//! placeholder
use crate::exit::Exit;
pub(crate) async fn run(_: crate::arguments::Up) -> Result<(), Exit> {
    Ok(())
}
