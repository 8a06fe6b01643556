/** A map by provider and model. When it is full, a new pair takes the place of one that has been in it for long. */
export interface PairMap<Value> {
  readonly size: number;
  get(provider: string, model: string): Value | undefined;
  set(provider: string, model: string, value: Value): void;
  delete(provider: string, model: string): void;
}

export function createPairMap<Value>(maxSize: number): PairMap<Value> {
  const providers = new Map<string, Map<string, Value>>();
  let size = 0;

  function remove(provider: string, model: string): void {
    const models = providers.get(provider);
    if (models?.delete(model) !== true) return;
    size -= 1;
    if (models.size === 0) providers.delete(provider);
  }

  function removeOldest(): void {
    for (const [provider, models] of providers) {
      for (const model of models.keys()) return remove(provider, model);
    }
  }

  return {
    get size() {
      return size;
    },
    get: (provider, model) => providers.get(provider)?.get(model),
    set(provider, model, value) {
      const isNew = providers.get(provider)?.has(model) !== true;
      if (isNew && size >= maxSize) removeOldest();
      // Looked for again: its provider may have been the oldest.
      const models = providers.get(provider) ?? new Map<string, Value>();
      providers.set(provider, models.set(model, value));
      if (isNew) size += 1;
    },
    delete: remove,
  };
}
