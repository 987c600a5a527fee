//! Fetches many objects: follows the plan, and changes it when a response requires that.

use std::cmp::Reverse;
use std::sync::{Arc, OnceLock};

use http_body_util::BodyExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::client::{AT_A_TIME, Client, LARGEST, too_large};
use super::error::Error;
use super::object::{self, Keep, Live};
use super::page::{Cutter, ListHead};
use super::plan;
use super::request::Request;
use super::retry::FailedTry;
use super::session::Session;
use super::tries::Tries;
use super::wanted::Wanted;
use crate::schema::{Kind, ResourceId};

/// The most objects in one batch.
const BATCH: usize = 32;
/// The most batches that may wait to be compared.
const WAITING: usize = 8;
/// How often a list that expired while it was read is started again.
const RESTARTS: usize = 3;

/// The result for one requested object.
#[derive(Clone, Debug)]
pub(crate) struct Fetched {
    /// The id of the object.
    pub id: ResourceId,
    /// The object, `None` if it does not exist, or an error if that is unknown.
    pub result: Result<Option<Live>, Error>,
}

/// What a fetch returns.
#[derive(Clone, Debug)]
pub(crate) enum Arrival {
    /// A requested object.
    Requested(Fetched),
    /// The metadata of an object that was not requested by name, in a namespace that is listed as a whole. Each is
    /// returned once.
    Unrequested(ResourceId, Live),
    /// All objects of a kind in a namespace have been returned, or the error that prevents it.
    Listed(Kind, String, Result<(), Error>),
}

/// A running fetch of objects. Dropping it cancels the remaining requests.
pub(crate) struct Fetching {
    batches: mpsc::Receiver<Vec<Arrival>>,
    _tasks: JoinSet<()>,
}

impl Fetching {
    /// The next objects, in no particular order; `None` after each requested object has been returned once, and each
    /// namespace that is listed as a whole.
    pub(crate) async fn next(&mut self) -> Option<Vec<Arrival>> {
        self.batches.recv().await
    }

    /// Starts to fetch the requested objects, and the metadata of all other objects in the namespaces of `whole`.
    pub(super) fn start(
        client: &Arc<Client>,
        wanted: &[ResourceId],
        whole: &[(Kind, String)],
    ) -> Self {
        let (out, batches) = mpsc::channel(WAITING);
        let mut tasks = JoinSet::new();
        let broken = Arc::default();
        for kind in Kind::ALL {
            let wanted = Wanted::new(kind, wanted, whole);
            if !wanted.is_empty() {
                let fetcher = Fetcher {
                    client: client.clone(),
                    out: out.clone(),
                    broken: Arc::clone(&broken),
                };
                tasks.spawn(fetcher.kind(wanted));
            }
        }
        Self {
            batches,
            _tasks: tasks,
        }
    }
}

/// How a list ended.
enum Listed {
    /// The list is complete: objects that are still wanted do not exist.
    Complete,
    /// The remaining objects must be requested in another way.
    GivenUp,
}

#[derive(Clone)]
struct Fetcher {
    client: Arc<Client>,
    out: mpsc::Sender<Vec<Arrival>>,
    /// The error with which every further request would fail.
    broken: Arc<OnceLock<Error>>,
}

impl Fetcher {
    /// Fetches the objects of a kind: from a list of the whole cluster, or namespace by namespace.
    async fn kind(self, mut wanted: Wanted) {
        let Some(size) = plan::list_cluster(wanted.namespaces(), wanted.count()) else {
            return self.namespaces(wanted.by_namespace()).await;
        };
        let instead =
            |wanted: &Wanted| plan::cost_of_namespaces(wanted.namespaces(), wanted.count());
        let listed = self.list(None, size, &mut wanted, instead).await;
        let Some(rest) = self.settle(wanted, listed).await else {
            return;
        };
        if rest.is_whole() {
            return self.namespaces(rest.by_namespace()).await;
        }

        // The smallest group is fetched without a list, which makes up for the useless list request: there are never more
        // requests than objects and groups.
        let mut groups: Vec<_> = rest.by_namespace().collect();
        groups.sort_by_key(|group| Reverse(group.count()));
        let smallest = groups
            .pop()
            .into_iter()
            .flat_map(Wanted::into_ids)
            .collect();
        tokio::join!(
            self.clone().each(smallest),
            self.namespaces(groups.into_iter())
        );
    }

    async fn namespaces(&self, groups: impl Iterator<Item = Wanted>) {
        let mut tasks = JoinSet::new();
        for group in groups {
            tasks.spawn(self.clone().namespace(group));
        }
        tasks.join_all().await;
    }

    /// Fetches the objects of one namespace: from a list, or one by one.
    async fn namespace(self, mut wanted: Wanted) {
        let size = if wanted.is_whole() {
            Some(plan::PAGE)
        } else {
            plan::list_namespace(wanted.count())
        };
        if let Some(size) = size {
            let namespace = wanted.namespace().map(str::to_owned);
            let instead = |wanted: &Wanted| {
                if wanted.is_whole() {
                    return usize::MAX;
                }
                plan::cost_of_gets(wanted.count())
            };
            let listed = self
                .list(namespace.as_deref(), size, &mut wanted, instead)
                .await;
            if let Err(error) = &listed {
                self.listed(&mut wanted, &Err(error.clone())).await;
            }
            match self.settle(wanted, listed).await {
                Some(rest) => wanted = rest,
                None => return,
            }
        }
        self.each(wanted.into_ids().collect()).await;
    }

    /// Returns results for the objects that a list did not contain, unless they must be requested in another way.
    async fn settle(&self, mut wanted: Wanted, listed: Result<Listed, Error>) -> Option<Wanted> {
        let result = match listed {
            Ok(Listed::GivenUp) | Err(Error::Forbidden { .. } | Error::Gone(_)) => {
                return Some(wanted);
            }
            Ok(Listed::Complete) => Ok(None),
            Err(error) => Err(error),
        };
        self.listed(&mut wanted, &result.clone().map(drop)).await;
        self.answer(wanted.into_ids(), &result).await;
        None
    }

    /// Reports the results of the lists of namespaces that are wanted as a whole.
    async fn listed(&self, wanted: &mut Wanted, result: &Result<(), Error>) {
        let kind = wanted.kind;
        let ends = wanted.take_whole();
        let ends: Vec<_> = ends
            .map(|namespace| Arrival::Listed(kind, namespace, result.clone()))
            .collect();
        if !ends.is_empty() {
            let _ = self.out.send(ends).await;
        }
    }

    async fn answer(
        &self,
        ids: impl Iterator<Item = ResourceId>,
        result: &Result<Option<Live>, Error>,
    ) {
        let answers: Vec<_> = ids
            .map(|id| {
                Arrival::Requested(Fetched {
                    id,
                    result: result.clone(),
                })
            })
            .collect();
        if !answers.is_empty() {
            // This fails only when the receiver was dropped.
            let _ = self.out.send(answers).await;
        }
    }

    /// Reads a list page by page, and removes the objects that it finds from `wanted`.
    async fn list(
        &self,
        namespace: Option<&str>,
        size: usize,
        wanted: &mut Wanted,
        instead: impl Fn(&Wanted) -> usize,
    ) -> Result<Listed, Error> {
        let mut restarts = 0;
        let mut sent = 0;
        let mut size = size;
        let mut token: Option<String> = None;
        while !wanted.is_empty() {
            let request = Request::list(wanted.kind, namespace, size, token.as_deref())?;
            match self.page(&request, wanted).await {
                Ok(ListHead { token: None, .. }) => return Ok(Listed::Complete),
                Ok(head) => {
                    sent += size;
                    if !plan::goes_on(head.remaining, sent, instead(wanted)) {
                        return Ok(Listed::GivenUp);
                    }
                    (size, token) = (plan::PAGE, head.token);
                }
                Err(Error::Gone(_)) if restarts < RESTARTS => {
                    restarts += 1;
                    token = None;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Listed::Complete)
    }

    async fn page(&self, request: &Request, wanted: &mut Wanted) -> Result<ListHead, Error> {
        let mut found = Vec::new();
        let mut tries = self.note(Tries::begin(&self.client, request).await)?;
        let result = loop {
            if let Some(error) = self.broken.get() {
                break Err(error.clone());
            }
            // A page that breaks off is read again; the objects already received are no longer wanted.
            match tries
                .one(|session| self.read(session, request, wanted, &mut found))
                .await
            {
                Ok(head) => break Ok(head),
                Err(failure) => match tries.fail(failure).await {
                    Ok(()) => {}
                    Err(error) => break Err(error),
                },
            }
        };
        drop(tries);
        if !found.is_empty() {
            let _ = self.out.send(found).await;
        }
        self.note(result)
    }

    async fn read(
        &self,
        session: Arc<Session>,
        request: &Request,
        wanted: &mut Wanted,
        found: &mut Vec<Arrival>,
    ) -> Result<ListHead, FailedTry> {
        let kind = wanted.kind;
        let foreign = |text: &[u8], problem: &str| {
            FailedTry::last(Error::not_kubernetes(&request.operation, text, problem))
        };
        let mut body = self.client.send(&session, request).await?.into_body();
        let mut cutter = Cutter::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| self.client.broken(&error))?;
            let Some(data) = frame.data_ref() else {
                continue;
            };
            cutter.push(data, |item| {
                let live =
                    object::decode(item, kind, |namespace, name| wanted.keep(namespace, name))
                        .map_err(|_| foreign(item, "a list with an item of another kind"))?;
                if let Some(live) = live {
                    let id = id_of(kind, &live);
                    found.push(if wanted.remove(&id) {
                        let result = Ok(Some(live));
                        Arrival::Requested(Fetched { id, result })
                    } else {
                        Arrival::Unrequested(id, live)
                    });
                }
                Ok(())
            })?;
            if cutter.held() > LARGEST {
                return Err(too_large(request));
            }
            // Waiting here would count towards the server's time.
            if found.len() >= BATCH
                && let Ok(place) = self.out.try_reserve()
            {
                place.send(std::mem::take(found));
            }
        }
        match cutter.head(kind) {
            Some(head) if cutter.is_complete() => Ok(head),
            Some(_) => Err(self.client.broken_off()),
            None => Err(foreign(
                cutter.frame(),
                &format!("no list of {}", kind.plural()),
            )),
        }
    }

    /// Sends a GET for each object, a few at a time.
    async fn each(self, ids: Vec<ResourceId>) {
        let mut tasks = JoinSet::new();
        for id in ids {
            if tasks.len() == AT_A_TIME {
                tasks.join_next().await;
            }
            tasks.spawn(self.clone().one(id));
        }
        tasks.join_all().await;
    }

    async fn one(self, id: ResourceId) {
        let result = match self.get(&id).await {
            Err(Error::NotFound(_)) => Ok(None),
            result => result.map(Some),
        };
        let fetched = Arrival::Requested(Fetched { id, result });
        let _ = self.out.send(vec![fetched]).await;
    }

    async fn get(&self, id: &ResourceId) -> Result<Live, Error> {
        let request = Request::get(id)?;
        let tries = self.note(Tries::begin(&self.client, &request).await)?;
        if let Some(error) = self.broken.get() {
            return Err(error.clone());
        }
        let body = self.note(tries.call().await)?;
        whole(&request, id.kind, &body)
    }

    /// Records an error with which every further request would fail.
    fn note<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &result
            && error.is_about_connection()
        {
            let _ = self.broken.set(error.clone());
        }
        result
    }
}

/// Decodes the response to a request for one object.
pub(super) fn whole(request: &Request, kind: Kind, body: &[u8]) -> Result<Live, Error> {
    match object::decode(body, kind, |_, _| Keep::All) {
        Ok(Some(live)) => Ok(live),
        _ => Err(Error::not_kubernetes(
            &request.operation,
            body,
            &format!("no {kind}"),
        )),
    }
}

fn id_of(kind: Kind, live: &Live) -> ResourceId {
    let text = |key: &str| {
        live.value["metadata"][key]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    ResourceId {
        kind,
        namespace: text("namespace"),
        name: text("name"),
    }
}
