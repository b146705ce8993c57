//! placeholder
use crate::exit::Exit;
pub(crate) async fn run(_: crate::arguments::Demo) -> Result<(), Exit> {
    Ok(())
}
