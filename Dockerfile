# gitops-drift in an image: `docker build -t gitops-drift .`
# The stage `demo` has what scripts/docker-demo.sh needs besides.
FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --locked --release

FROM debian:bookworm-slim AS demo
ARG KIND_VERSION=v0.30.0
ARG KUBECTL_VERSION=v1.34.1
RUN apt-get update \
    && apt-get install -y --no-install-recommends bash ca-certificates curl docker.io git jq \
    && rm -rf /var/lib/apt/lists/*
RUN arch=$(dpkg --print-architecture) \
    && curl -fsSLo /usr/local/bin/kind "https://kind.sigs.k8s.io/dl/$KIND_VERSION/kind-linux-$arch" \
    && curl -fsSLo /usr/local/bin/kubectl "https://dl.k8s.io/release/$KUBECTL_VERSION/bin/linux/$arch/kubectl" \
    && chmod +x /usr/local/bin/kind /usr/local/bin/kubectl
COPY --from=build /src/target/release/gitops-drift /usr/local/bin/
COPY examples /demo/examples
COPY scripts /demo/scripts
WORKDIR /demo
ENV GITOPS_DRIFT=/usr/local/bin/gitops-drift
CMD ["scripts/e2e-kind.sh"]

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates git \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/target/release/gitops-drift /usr/local/bin/
USER 65534
ENTRYPOINT ["gitops-drift"]
