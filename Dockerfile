# SPDX-License-Identifier: Apache-2.0
# Holdfast as a container image: docs/deploy.md says how to build and run it.
#
#   docker build --target runtime .       compiles in a stage of its own; needs the internet
#   ./dev image --target runtime          takes what ./dev build has made
#
# A release names BASE and BUILD_BASE by digest: debian:bookworm-slim@sha256:… BASE must be Debian 12
# or later, or have its libc6, libgcc-s1 and libstdc++6; it needs neither shell nor packages.
ARG BASE=debian:bookworm-slim
ARG BUILD_BASE=debian:bookworm-slim
# source: compiled here. prebuilt: build/image/ as ./dev image has staged it.
ARG FILES=source

FROM ${BUILD_BASE} AS build
WORKDIR /src
# The packages in a layer of their own: they change seldom.
COPY dev /src/dev
COPY tools /src/tools
RUN /src/dev setup --packages
COPY . /src
# 0 leaves OpenVINO's 98 MB out: models of its formats are not served then.
ARG OPENVINO=1
ARG REVISION=unknown
RUN if [ "$OPENVINO" = 1 ]; then /src/dev image --files-only --revision "$REVISION"; \
    else /src/dev image --files-only --revision "$REVISION" --without-openvino; fi

FROM scratch AS files-source
COPY --from=build /src/build/image/ /image/

FROM scratch AS files-prebuilt
COPY build/image/ /image/

FROM files-${FILES} AS files

# What both targets share. There is no shell script, and nothing is written at run time.
FROM ${BASE} AS server
ARG BASE
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Holdfast" \
      org.opencontainers.image.description="A model server for image classifiers whose requests survive its workers" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE}"
COPY --from=files /image/ /
EXPOSE 8080 8500
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \
  CMD ["/usr/local/bin/holdfast", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/holdfast"]
CMD ["serve"]

# SageMaker runs containers as root, with `serve` as argument and perhaps another port, and those of
# multi-model endpoints without a model.
FROM server AS sagemaker
LABEL com.amazonaws.sagemaker.capabilities.accept-bind-to-port="true" \
      com.amazonaws.sagemaker.capabilities.multi-models="true"
ENV HOLDFAST_MODEL_REPOSITORY=/opt/ml/model
USER 0:0

# Everywhere else. The last target is what `docker build .` makes.
FROM server AS runtime
ENV HOLDFAST_MODEL_REPOSITORY=/models
USER 65532:65532
