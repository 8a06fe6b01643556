/** Members that come and go with every request, in no order. */
export interface Roster<T> {
  readonly size: number;
  /** Returns a function that takes the member out again; idempotent. */
  add(member: T): () => void;
  /** Those that are in at this moment. */
  all(): readonly T[];
}

interface Seat<T> {
  readonly member: T;
  at: number;
}

/**
 * Not a Set: as members come and go, V8 replaces its table again and again, and each old table points to the next one. After the
 * first full collection that chain keeps alive all members there ever were, until the next one.
 */
export function createRoster<T>(): Roster<T> {
  const seats: Seat<T>[] = [];
  const leave = (seat: Seat<T>): void => {
    if (seats[seat.at] !== seat) return;
    const last = seats.pop();
    if (last === undefined || last === seat) return;
    seats[seat.at] = last;
    last.at = seat.at;
  };
  return {
    get size() {
      return seats.length;
    },
    add(member) {
      const seat = { member, at: seats.length };
      seats.push(seat);
      return () => leave(seat);
    },
    all: () => seats.map(({ member }) => member),
  };
}
