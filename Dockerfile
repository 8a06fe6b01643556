# Node runs the TypeScript as it is: nothing is built.
FROM node:24-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The optional packages are Node itself, for machines that have an older one.
RUN npm ci --omit=dev --omit=optional && npm cache clean --force

FROM node:24-slim
ENV NODE_ENV=production \
    NODE_COMPILE_CACHE=/tmp/node-compile-cache \
    HOST=0.0.0.0 \
    PORT=8402 \
    NUTROUTE_HOME=/data \
    NUTROUTE_CONFIG=/config/providers.json
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY package.json providers.schema.json ./
COPY src ./src
# The database, the node key and the seeds: this folder is the money.
RUN mkdir -m 0700 /data && chown 1000:1000 /data
VOLUME /data
USER 1000
EXPOSE 8402
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "src/bin.ts"]
CMD ["serve"]
