# gitops-drift in an image.
#
#   docker build --tag gitops-drift .                      the program and nothing else
#   docker build --target git --tag gitops-drift:git .     with Git, for the revision and the history, and with a shell
#
# The stage `demo` has what scripts/docker-demo.sh needs besides.
FROM rust:1-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends musl-tools \
    && rm -rf /var/lib/apt/lists/* \
    && rustup target add "$(uname -m)-unknown-linux-musl"
WORKDIR /src
COPY . .
# One static file, as scripts/release.sh makes it.
RUN target=$(uname -m)-unknown-linux-musl \
    && env "CC_$(echo "$target" | tr - _)=musl-gcc" cargo build --locked --release --target "$target" \
    && cp "target/$target/release/gitops-drift" /gitops-drift

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
COPY --from=build /gitops-drift /usr/local/bin/
COPY examples /demo/examples
COPY scripts /demo/scripts
WORKDIR /demo
ENV GITOPS_DRIFT=/usr/local/bin/gitops-drift
CMD ["scripts/e2e-kind.sh"]

FROM debian:bookworm-slim AS git
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates git \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /gitops-drift /usr/local/bin/
# The user of git-sync's image, which stands beside it in examples/in-cluster.
USER 65533:65533
ENTRYPOINT ["gitops-drift"]

FROM scratch
# For a server whose certificate is signed by an authority that everybody trusts; others stand in the kubeconfig.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /gitops-drift /gitops-drift
USER 65533:65533
ENTRYPOINT ["/gitops-drift"]
