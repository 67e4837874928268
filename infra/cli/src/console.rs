//! Where the program prints and reads: standard output for what was asked for, standard error for everything else, standard input
//! for what is typed. Tests use buffers instead.

use crate::failure::{Exit, Failure};
use clap::builder::styling::{AnsiColor, Style};
use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use secrecy::SecretString;
use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Columns of a table when the terminal does not say how wide it is.
const DEFAULT_COLUMNS: u16 = 100;

pub struct Console {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    input: Box<dyn BufRead + Send>,
    /// Columns that a table may use.
    pub width: u16,
    /// Whether standard output may hold ANSI colours.
    pub has_colours: bool,
    /// Whether standard error is a terminal, so that a progress bar makes sense.
    shows_progress: bool,
    /// Whether standard input is a terminal, which must not show a secret while it is typed.
    hides_input: bool,
}

impl Console {
    /// The console of this process.
    pub fn for_process(no_color: bool) -> Self {
        let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
        let is_terminal = stdout.is_terminal();
        let columns = Term::stdout().size_checked().map(|(_, columns)| columns);
        Self {
            // A program that reads the output wants one line per row, however long.
            width: if is_terminal { columns.unwrap_or(DEFAULT_COLUMNS) } else { u16::MAX },
            has_colours: is_terminal && !no_color,
            shows_progress: stderr.is_terminal(),
            hides_input: stdin.is_terminal(),
            out: Box::new(stdout),
            err: Box::new(stderr),
            input: Box::new(io::BufReader::new(stdin)),
        }
    }

    /// A console for tests: what is printed is kept, and `input` is what is typed.
    pub fn for_capture(input: &str) -> (Self, CapturedOutput) {
        let captured = CapturedOutput::default();
        let console = Self {
            out: Box::new(Tee(captured.out.clone(), captured.both.clone())),
            err: Box::new(Tee(captured.err.clone(), captured.both.clone())),
            input: Box::new(io::Cursor::new(input.as_bytes().to_vec())),
            width: DEFAULT_COLUMNS,
            has_colours: false,
            shows_progress: false,
            hides_input: false,
        };
        (console, captured)
    }

    /// Prints a text with a line end to standard output.
    pub fn print_text(&mut self, text: impl AsRef<str>) -> Result<(), Failure> {
        writeln!(self.out, "{}", text.as_ref().trim_end_matches('\n'))?;
        self.out.flush()?;
        Ok(())
    }

    /// Prints bytes to standard output without a line end.
    pub fn print_bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.out.write_all(bytes)?;
        self.out.flush()?;
        Ok(())
    }

    /// Prints a line to standard error.
    pub fn print_note(&mut self, text: impl AsRef<str>) {
        // A closed standard error is no reason to fail: the command itself may have succeeded.
        drop(writeln!(self.err, "{}", text.as_ref()));
    }

    /// Prints a failure to standard error and returns its exit code.
    pub fn report_failure(&mut self, failure: &Failure) -> Exit {
        if !failure.is_closed_pipe() {
            self.print_note(format!("error: {failure}"));
        }
        failure.exit
    }

    /// Prints what clap made of the arguments (help, version or an error) and returns the exit code for it.
    pub fn report_clap_error(&mut self, told: &clap::Error) -> Exit {
        let text = told.render();
        if told.use_stderr() {
            let text = if self.shows_progress { text.ansi().to_string() } else { text.to_string() };
            self.print_note(text.trim_end());
            return Exit::Usage;
        }
        let text = if self.has_colours { text.ansi().to_string() } else { text.to_string() };
        match self.print_text(text) {
            Ok(()) => Exit::Success,
            Err(failure) => self.report_failure(&failure),
        }
    }

    /// Asks a question on standard error and reads one line.
    pub fn ask_line(&mut self, question: &str) -> Result<String, Failure> {
        write!(self.err, "{question} ")?;
        self.err.flush()?;
        let mut line = String::new();
        self.input.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }

    /// Asks for a secret and reads one line. A terminal does not show what is typed.
    pub fn ask_secret(&mut self, question: &str) -> Result<SecretString, Failure> {
        if !self.hides_input {
            return self.ask_line(question).map(SecretString::from);
        }
        write!(self.err, "{question} ")?;
        self.err.flush()?;
        let typed = Term::stderr().read_secure_line()?;
        Ok(SecretString::from(typed.trim()))
    }

    /// Reads all of standard input, as a secret.
    pub fn read_input(&mut self) -> Result<SecretString, Failure> {
        let mut text = String::new();
        self.input.read_to_string(&mut text)?;
        Ok(SecretString::from(text))
    }

    /// The text in a colour, or as it is without colours.
    pub fn colour_text(&self, text: &str, colour: AnsiColor) -> String {
        if !self.has_colours {
            return text.to_owned();
        }
        let style = Style::new().fg_color(Some(colour.into()));
        format!("{style}{text}{style:#}")
    }

    /// The text in bold, or as it is without colours.
    pub fn render_heading(&self, text: &str) -> String {
        if !self.has_colours {
            return text.to_owned();
        }
        let style = Style::new().bold();
        format!("{style}{text}{style:#}")
    }

    /// A progress bar, which draws only when standard error is a terminal. `total`: steps in all; without it the bar is a
    /// spinner.
    pub fn make_progress_bar(&self, total: Option<u64>, what: &str) -> ProgressBar {
        let target =
            if self.shows_progress { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(total, target);
        let template =
            if total.is_some() { "{msg} {bar:30} {pos} of {len}" } else { "{spinner} {msg} {elapsed}" };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        bar
    }
}

/// What a console of [`Console::for_capture`] has printed so far.
#[derive(Debug, Clone, Default)]
pub struct CapturedOutput {
    out: SharedBuffer,
    err: SharedBuffer,
    both: SharedBuffer,
}

impl CapturedOutput {
    pub fn out(&self) -> String {
        self.out.to_text()
    }

    pub fn err(&self) -> String {
        self.err.to_text()
    }

    /// Standard output and standard error together, in the order in which a terminal would show them.
    pub fn both(&self) -> String {
        self.both.to_text()
    }
}

/// Writes the same bytes to two buffers.
struct Tee(SharedBuffer, SharedBuffer);

impl Write for Tee {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(bytes)?;
        self.1.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug, Clone, Default)]
struct SharedBuffer(Arc<Mutex<Vec<u8>>>);

impl SharedBuffer {
    fn to_text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).into_owned()
    }
}

impl Write for SharedBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
