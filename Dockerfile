# The plugin server and the mock provider of docker-compose.yml.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json tsconfig.json tsconfig.build.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY lib ./lib
COPY plugins ./plugins
RUN npm run build

FROM node:24-slim
WORKDIR /app
ENV NODE_ENV=production
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && npm cache clean --force
COPY --from=build /app/dist ./dist
# A volume that is mounted here takes over the owner.
RUN mkdir -p /run/kong-ai && chown node:node /run/kong-ai
# `node` by its number: Kubernetes' runAsNonRoot believes no name.
USER 1000
ENTRYPOINT ["node", "dist/lib/cli.js"]
CMD ["plugin-server", "--socket", "/run/kong-ai/plugins.sock"]
# A connection and not the file: a killed process leaves its socket behind.
HEALTHCHECK --interval=2s --timeout=3s --retries=30 CMD ["node", "-e", "require('net').connect('/run/kong-ai/plugins.sock').on('connect', () => process.exit(0)).on('error', () => process.exit(1))"]
