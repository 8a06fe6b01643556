/**
 * What goes wrong with a call. `when` says whether the call is executed first (`after`) or not at all (`before`, the default).
 * `refuse` answers with `status` and, where given, NUT `code` and `detail`; `delay` waits `ms` and then answers well; `hang` never
 * answers; `drop` closes the connection; `garble` answers 200 with something that is no JSON; `pending` leaves the inputs PENDING
 * for ever, executes nothing and closes the connection, like a mint killed in mid-swap.
 */
export interface Fault {
  /** Exact, or a prefix that ends in `*`. */
  readonly path: string;
  readonly kind: 'refuse' | 'delay' | 'hang' | 'drop' | 'garble' | 'pending';
  readonly when?: 'before' | 'after' | undefined;
  /** How many calls it hits; default 1. */
  readonly times?: number | undefined;
  /** How many calls it lets pass first; default 0. */
  readonly skip?: number | undefined;
  readonly status?: number | undefined;
  readonly code?: number | undefined;
  readonly detail?: string | undefined;
  readonly ms?: number | undefined;
}

export interface Faults {
  add(fault: Fault): void;
  clear(): void;
  /** The fault that hits this call, if any; counts the call. */
  take(path: string): Fault | undefined;
}

const MAX_FAULTS = 1000;

export function createFaults(): Faults {
  let planned: { readonly fault: Fault; skip: number; times: number }[] = [];
  return {
    add(fault) {
      if (planned.length >= MAX_FAULTS) throw new RangeError('too many faults are planned');
      planned.push({ fault, skip: fault.skip ?? 0, times: fault.times ?? 1 });
    },
    clear() {
      planned = [];
    },
    take(path) {
      const plan = planned.find(({ fault }) => matches(fault.path, path));
      if (plan === undefined) return undefined;
      if (plan.skip > 0) {
        plan.skip--;
        return undefined;
      }
      plan.times--;
      if (plan.times <= 0) planned = planned.filter((other) => other !== plan);
      return plan.fault;
    },
  };
}

function matches(pattern: string, path: string): boolean {
  return pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : pattern === path;
}
