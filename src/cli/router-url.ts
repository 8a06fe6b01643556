import type { Settings } from '../config.ts';

/** Where the router of these settings is reached, or what a user wrote instead: without a trailing slash or `/v1`. */
export function routerUrl(settings: Settings, written?: string): string {
  return (written ?? `http://${hostInUrl(settings.host)}:${settings.port}`)
    .replace(/\/+$/, '')
    .replace(/\/v1$/, '');
}

function hostInUrl(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
