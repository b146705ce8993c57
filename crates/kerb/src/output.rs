//! Standard output, for readers who may go before all is said (`| head`): what is left to say to
//! them is dropped, what is left to do is done, and the process ends as if they had read it.

use std::io::{self, BufWriter, ErrorKind, Stdout, Write};

/// Standard output. What is written is seen after [`Write::flush`], or when enough has come
/// together.
pub(crate) struct Output(BufWriter<Pipe>);

impl Output {
    /// This process's.
    pub(crate) fn new() -> Self {
        Self(BufWriter::new(Pipe { out: io::stdout(), is_gone: false }))
    }

    /// Has whoever read it gone? As far as is known: it is noticed at a flush.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.get_ref().is_gone
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The same without a buffer.
struct Pipe {
    out: Stdout,
    is_gone: bool,
}

impl Pipe {
    /// What was done, or `otherwise` if nobody reads any more.
    fn done<T>(&mut self, done: io::Result<T>, otherwise: T) -> io::Result<T> {
        match done {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.is_gone = true;
                Ok(otherwise)
            }
            Err(error) if error.kind() != ErrorKind::Interrupted => {
                Err(io::Error::new(error.kind(), format!("standard output: {error}")))
            }
            done => done,
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_gone {
            return Ok(bytes.len());
        }
        let written = self.out.write(bytes);
        self.done(written, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.is_gone {
            return Ok(());
        }
        let flushed = self.out.flush();
        self.done(flushed, ())
    }
}
