# The one image of Towpath's controllers; charts/towpath starts it with `controller NAME`.
# Build: npm ci && npm run build, then docker build -t towpath:0.1.0 . (or: node dist/towpath.js docker build -t towpath:0.1.0 .)
FROM node:20-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates git openssh-client gpg gpg-agent \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY dist/ /app/dist/
USER 65532:65532
ENTRYPOINT ["node", "/app/dist/towpath.js"]
