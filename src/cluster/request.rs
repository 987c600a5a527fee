//! Builds requests: method, path and body. Nothing here sends them.

use std::fmt::{self, Write as _};

use http::Method;
use serde_json::Value;

use super::error::{Error, Operation};
use crate::schema::{Kind, ResourceId};

/// The field manager under which writes are recorded in `metadata.managedFields`.
const WRITE_PARAMETERS: &str = "fieldManager=gitops-drift&fieldValidation=Strict";

/// One request, which may be sent several times.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Vec<u8>,
    pub(super) operation: Operation,
}

impl Request {
    /// Reads one object.
    pub(super) fn get(id: &ResourceId) -> Result<Self, Error> {
        Ok(Self::new(Method::GET, "get", id, object_path(id)?))
    }

    /// Reads a page of a collection in one namespace, or in all namespaces with `None`.
    pub(super) fn list(
        kind: Kind,
        namespace: Option<&str>,
        limit: usize,
        token: Option<&str>,
    ) -> Result<Self, Error> {
        let mut path = collection_path(kind, namespace)?;
        let _ = write!(path, "?limit={limit}");
        if let Some(token) = token {
            let _ = write!(path, "&continue={}", Escaped(token));
        }
        let id = ResourceId {
            kind,
            namespace: namespace.unwrap_or_default().to_owned(),
            name: String::new(),
        };
        Ok(Self::new(Method::GET, "list", &id, path))
    }

    /// Replaces one object with `body`.
    pub(super) fn replace(id: &ResourceId, body: &Value) -> Result<Self, Error> {
        let path = format!("{}?{WRITE_PARAMETERS}", object_path(id)?);
        Ok(Self {
            body: body.to_string().into_bytes(),
            ..Self::new(Method::PUT, "update", id, path)
        })
    }

    /// Creates one object.
    pub(super) fn create(id: &ResourceId, body: &Value) -> Result<Self, Error> {
        let namespace = id.kind.is_namespaced().then_some(id.namespace.as_str());
        let path = format!(
            "{}?{WRITE_PARAMETERS}",
            collection_path(id.kind, namespace)?
        );
        Ok(Self {
            body: body.to_string().into_bytes(),
            ..Self::new(Method::POST, "create", id, path)
        })
    }

    /// Reads the version of the server.
    pub(super) fn version() -> Self {
        let operation = Operation {
            verb: "get",
            resource: "/version",
            namespace: String::new(),
            name: String::new(),
        };
        Self {
            method: Method::GET,
            path: "/version".to_owned(),
            body: Vec::new(),
            operation,
        }
    }

    fn new(method: Method, verb: &'static str, id: &ResourceId, path: String) -> Self {
        let (namespace, name) = (id.namespace.clone(), id.name.clone());
        let operation = Operation {
            verb,
            resource: id.kind.plural(),
            namespace,
            name,
        };
        Self {
            method,
            path,
            body: Vec::new(),
            operation,
        }
    }

    /// Whether it changes the cluster.
    pub(super) fn writes(&self) -> bool {
        self.method != Method::GET
    }
}

fn object_path(id: &ResourceId) -> Result<String, Error> {
    let namespace = id.kind.is_namespaced().then_some(id.namespace.as_str());
    let mut path = collection_path(id.kind, namespace)?;
    let _ = write!(path, "/{}", segment(&id.name)?);
    Ok(path)
}

fn collection_path(kind: Kind, namespace: Option<&str>) -> Result<String, Error> {
    let version = kind.api_version();
    let root = if version.contains('/') { "apis" } else { "api" };
    let mut path = format!("/{root}/{version}");
    if let Some(namespace) = namespace {
        let _ = write!(path, "/namespaces/{}", segment(namespace)?);
    }
    let _ = write!(path, "/{}", kind.plural());
    Ok(path)
}

/// Escapes a name as a segment of a path. Names that would change the path are refused: an empty name would address
/// the whole collection, and dots are relative segments.
fn segment(name: &str) -> Result<Escaped<'_>, Error> {
    match name {
        "" | "." | ".." => Err(Error::Invalid {
            message: format!("{name:?} cannot be the name of an object or a namespace"),
            causes: Vec::new(),
        }),
        _ => Ok(Escaped(name)),
    }
}

/// A text with all but the unreserved characters of RFC 3986 percent-encoded.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    f.write_char(byte.into())?;
                }
                _ => write!(f, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(kind: Kind, namespace: &str, name: &str) -> ResourceId {
        ResourceId {
            kind,
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    #[test]
    fn paths_are_built_and_escaped() {
        let web = id(Kind::Deployment, "shop", "web");
        let demo = id(Kind::Namespace, "", "demo");
        let odd = id(Kind::ConfigMap, "a b", "x/y?z=%ä");
        let cases = [
            (
                Request::get(&web),
                "GET /apis/apps/v1/namespaces/shop/deployments/web",
            ),
            (Request::get(&demo), "GET /api/v1/namespaces/demo"),
            (
                Request::get(&odd),
                "GET /api/v1/namespaces/a%20b/configmaps/x%2Fy%3Fz%3D%25%C3%A4",
            ),
            (
                Request::list(Kind::Service, Some("shop"), 500, None),
                "GET /api/v1/namespaces/shop/services?limit=500",
            ),
            (
                Request::list(Kind::Deployment, None, 100, Some("a+b=")),
                "GET /apis/apps/v1/deployments?limit=100&continue=a%2Bb%3D",
            ),
            (
                Request::list(Kind::Namespace, None, 5, None),
                "GET /api/v1/namespaces?limit=5",
            ),
            (
                Request::replace(&web, &Value::Null),
                "PUT /apis/apps/v1/namespaces/shop/deployments/web?fieldManager=gitops-drift&fieldValidation=Strict",
            ),
            (
                Request::create(&web, &Value::Null),
                "POST /apis/apps/v1/namespaces/shop/deployments?fieldManager=gitops-drift&fieldValidation=Strict",
            ),
            (
                Request::create(&demo, &Value::Null),
                "POST /api/v1/namespaces?fieldManager=gitops-drift&fieldValidation=Strict",
            ),
        ];
        for (request, wanted) in cases {
            let request = request.unwrap();
            assert_eq!(format!("{} {}", request.method, request.path), wanted);
        }
    }

    #[test]
    fn names_that_would_change_the_path_are_refused() {
        for (namespace, name) in [
            ("shop", ""),
            ("shop", "."),
            ("shop", ".."),
            ("", "web"),
            ("..", "web"),
        ] {
            assert!(
                Request::get(&id(Kind::Service, namespace, name)).is_err(),
                "{namespace:?} {name:?}"
            );
        }
    }
}
