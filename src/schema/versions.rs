//! What a server stores, depending on its version.

use super::model::Field;
use super::rows::{DeclaredPosition, Gate, Without};
use super::types;

/// The properties of a server that determine what it stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    minor: u32,
    has_gates: bool,
}

impl Server {
    /// A server of this minor version of Kubernetes 1 (or the nearest one in the tables), with its default feature
    /// gates.
    #[must_use]
    pub(crate) fn of(minor: u32) -> Self {
        let known = types::versions();
        Self {
            minor: minor.clamp(*known.start(), *known.end()),
            has_gates: true,
        }
    }

    /// A server of unknown version, which is treated as the newest.
    #[must_use]
    pub(crate) fn unknown() -> Self {
        Self::of(u32::MAX)
    }

    /// The same server with all its feature gates off.
    #[must_use]
    pub(crate) fn without_gates(self) -> Self {
        Self {
            has_gates: false,
            ..self
        }
    }
}

/// What a server must have to store a declared value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    field: &'static Field,
    gate: Option<&'static Gate>,
}

impl Need {
    /// What this server lacks to store a field's declared value; `None` if it stores it.
    #[must_use]
    pub(crate) fn unmet(
        server: Server,
        field: &'static Field,
        at: &DeclaredPosition<'_>,
    ) -> Option<Self> {
        let gate = field.rules.gate.filter(|gate| (gate.when)(at));
        let need = Self { field, gate };
        (!need.is_met(server)).then_some(need)
    }

    fn is_met(self, server: Server) -> bool {
        let is_on = |gate: &Gate| {
            let is_default = gate.on_since.is_some_and(|since| server.minor >= since);
            server.has_gates && is_default
        };
        self.has_field(server) && self.gate.is_none_or(is_on)
    }

    /// Whether the server's API has the field at all.
    fn has_field(self, server: Server) -> bool {
        self.since() <= server.minor && self.until().is_none_or(|until| server.minor <= until)
    }

    fn since(self) -> u32 {
        let refused = self.gate.and_then(|gate| match gate.without {
            Without::RefusesBefore(minor) => Some(minor),
            _ => None,
        });
        refused
            .max(self.field.versions.since)
            .unwrap_or(*types::versions().start())
    }

    fn until(self) -> Option<u32> {
        self.field.versions.until
    }

    /// Whether this server refuses an object with the value, instead of dropping it.
    #[must_use]
    pub(crate) fn is_refused(self, server: Server) -> bool {
        let refuses = |gate: &Gate| matches!(gate.without, Without::RefusesBefore(minor) if server.minor < minor);
        self.gate.is_some_and(refuses)
    }

    /// Whether the structs around the value are dropped with it if they have nothing else.
    #[must_use]
    pub(crate) fn empties(self) -> bool {
        let empties = |gate: &Gate| gate.without == Without::DropsEmptied;
        self.gate.is_some_and(empties)
    }

    /// What the server stores instead of the value.
    #[must_use]
    pub(crate) fn instead(self) -> Option<&'static str> {
        match self.gate?.without {
            Without::Stores(value) => Some(value),
            _ => None,
        }
    }

    /// The requirement in words: `hostnameOverride needs Kubernetes 1.35, or the feature gate HostnameOverride`.
    #[must_use]
    pub(crate) fn describe(self, server: Server) -> String {
        let what = self
            .gate
            .and_then(|gate| gate.called)
            .unwrap_or(self.field.name);
        let since = self.since();
        let api = match self.until() {
            Some(until) if until == since => format!("Kubernetes 1.{since}"),
            Some(until) => format!("Kubernetes 1.{since} to 1.{until}"),
            None => format!("Kubernetes 1.{since}"),
        };
        let needs = match self.gate {
            None => api,
            Some(gate) => {
                let name = format!("the feature gate {}", gate.name);
                let has_gate = self.has_field(server);
                match gate.on_since.filter(|on| *on > server.minor) {
                    Some(on) if has_gate => format!("Kubernetes 1.{on}, or {name}"),
                    Some(on) if on > since => {
                        format!("Kubernetes 1.{on}, or 1.{since} with {name}")
                    }
                    Some(on) => format!("Kubernetes 1.{on}"),
                    None if has_gate => name,
                    None => format!("{api} with {name}"),
                }
            }
        };
        format!("{what} needs {needs}")
    }
}
