//! `--output`: the formats of the report, and where they are written.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{anyhow, bail};
use clap::ValueEnum;

use super::{Cli, usage};
use crate::reconcile::{Output, style_of_stdout};
use crate::report::Format;
use crate::report::text::TextStyle;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FormatArg {
    Text,
    Brief,
    Json,
    Markdown,
    Github,
    Sarif,
    Junit,
    Patch,
}

impl FormatArg {
    fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or(String::new(), |value| value.get_name().to_owned())
    }
}

/// `FORMAT[=FILE]`.
#[derive(Clone, Debug)]
pub(super) struct OutputArg {
    format: FormatArg,
    file: Option<PathBuf>,
}

impl FromStr for OutputArg {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (format, file) = match text.split_once('=') {
            Some((_, "")) => bail!("a file is missing after `=`"),
            Some((format, file)) => (format, Some(PathBuf::from(file))),
            None => (text, None),
        };
        let format = FormatArg::from_str(format, false).map_err(|_| {
            let known = FormatArg::value_variants().iter();
            let known: Vec<String> = known.map(|arg| arg.name()).collect();
            let meant = FormatArg::from_str(format, true).ok();
            let tip = meant.map_or_else(String::new, |arg| {
                format!("; {}", usage::similar_value(&arg.name()))
            });
            anyhow!("the formats are {}{tip}", known.join(", "))
        })?;
        Ok(Self { format, file })
    }
}

impl Cli {
    /// The formats of the report. At most one goes to standard output; text, if no other does.
    pub(super) fn outputs(&self, once: bool) -> anyhow::Result<Vec<Output>> {
        let mut outputs: Vec<Output> = Vec::new();
        for OutputArg { format, file } in &self.output {
            let format = match format {
                FormatArg::Text if file.is_none() => {
                    Format::Text(style_of_stdout(self.color(), self.no_truncate))
                }
                FormatArg::Text => Format::Text(TextStyle {
                    is_whole: self.no_truncate,
                    ..TextStyle::default()
                }),
                FormatArg::Brief => Format::Brief,
                FormatArg::Json => Format::Json { indented: once },
                other if !once => {
                    bail!(
                        "`--output {}` needs --once; in a loop there are text, brief and json",
                        other.name()
                    );
                }
                FormatArg::Markdown => Format::Markdown,
                FormatArg::Github => Format::Github,
                FormatArg::Sarif if self.reads_stdin() => {
                    bail!("`--output sarif` points to files: it cannot be used with `-f -`");
                }
                FormatArg::Sarif => Format::Sarif,
                FormatArg::Junit => Format::Junit,
                FormatArg::Patch if self.remediate => {
                    bail!(
                        "`--output patch` makes Git agree with the cluster, --remediate the cluster with Git: use one of them"
                    );
                }
                FormatArg::Patch => Format::Patch,
            };
            if outputs.iter().any(|output| output.file == *file) {
                match file {
                    Some(file) => bail!("--output: {} is given twice", file.display()),
                    None => bail!(
                        "only one --output can go to standard output; write the others as FORMAT=FILE"
                    ),
                }
            }
            let folder = file.as_deref().and_then(Path::parent);
            if let Some(folder) = folder.filter(|folder| !folder.as_os_str().is_empty())
                && !folder.is_dir()
            {
                bail!("--output: no such directory: {}", folder.display());
            }
            outputs.push(Output {
                format,
                file: file.clone(),
            });
        }
        if outputs.iter().all(|output| output.file.is_some()) {
            outputs.push(Output {
                format: Format::Text(style_of_stdout(self.color(), self.no_truncate)),
                file: None,
            });
        }
        Ok(outputs)
    }
}
