// Who is given room in the cache next, where there is not enough for all who want it.

/** What a caller waits for. */
export interface Want {
  /** Wants of higher priority come first, of the same priority the one that was refused first. */
  readonly priority: number;
}

interface Place {
  readonly want: Want;
  /** When it was first refused. */
  readonly order: number;
  /** How often room had been given back when there was last too little; undefined before. */
  shortAt: number | undefined;
}

/** A call that draws pictures, as those see it that want the same room. */
export class Caller {
  /** Where it stands in the line; undefined while nothing of it waits for room. */
  place: Place | undefined;
  private readonly line: Line;
  /** Events that were asked of it and have not come. */
  private asked = 0;
  private working = false;
  private rung = false;
  private wake: (() => void) | undefined;

  constructor(line: Line) {
    this.line = line;
  }

  /** Whether it goes on by itself; it does not while its user keeps the next event waiting. */
  get atWork(): boolean {
    return this.working;
  }

  /** An event is asked of it. */
  enter(): void {
    this.asked++;
    this.working = true;
  }

  /** The event has come. A user who asks for the next one at once has not left. */
  leave(): void {
    this.asked--;
    setImmediate(() => {
      if (this.asked > 0 || !this.working) return;
      this.working = false;
      this.line.tell();
    });
  }

  /** Wakes it, or keeps it from falling asleep. */
  ring(): void {
    this.rung = true;
    this.wake?.();
  }

  /** What rang before is forgotten. */
  quiet(): void {
    this.rung = false;
  }

  /** Resolves when it is rung; at once where it was since it was quiet. */
  async sleep(): Promise<void> {
    if (this.rung) return;
    await new Promise<void>((resolve) => {
      this.wake = resolve;
    });
    this.wake = undefined;
  }
}

/**
 * The order in which callers are given room. Whoever is refused waits in line, and while anyone waits
 * nobody behind is given room, so that small pictures do not go on passing by a large one. That rests on
 * somebody giving room back: where all of it belongs to callers whose users keep it, and those in front
 * have tried in vain, the line is not held to.
 */
export class Line {
  private readonly callers = new Set<Caller>();
  /** What holds room, and for whom; undefined where that is nobody's call. */
  private readonly holders = new Map<object, Caller | undefined>();
  private refusals = 0;
  private releases = 0;

  /** A caller has begun, and is told of room from now on. */
  add(caller: Caller): void {
    this.callers.add(caller);
  }

  /** A caller has ended. */
  remove(caller: Caller): void {
    this.callers.delete(caller);
    this.giveUp(caller);
  }

  /** Whether a caller waits in line for this and cannot be given it yet. */
  refuses(caller: Caller, want: Want): boolean {
    return caller.place?.want === want && !this.isOpen(caller, want);
  }

  /**
   * Whether a caller may take what it wants, should there be enough of it. If not it waits in line from
   * now on, in place of what it waited for before.
   */
  lets(caller: Caller | undefined, want: Want): boolean {
    if (caller?.place && caller.place.want !== want) this.giveUp(caller);
    if (this.isOpen(caller, want)) return true;
    if (caller) this.placeOf(caller, want);
    return false;
  }

  /** There was too little for what a caller wants; it waits until room is given back. */
  short(caller: Caller, want: Want): void {
    this.placeOf(caller, want).shortAt = this.releases;
    this.tell();
  }

  /** A caller waits no longer. */
  giveUp(caller: Caller): void {
    if (!caller.place) return;
    caller.place = undefined;
    this.tell();
  }

  /** Room is taken. */
  hold(holder: object, caller: Caller | undefined): void {
    this.holders.set(holder, caller);
    if (caller) this.giveUp(caller);
  }

  /** Room is given back. */
  release(holder: object): void {
    this.holders.delete(holder);
    this.releases++;
    this.tell();
  }

  /** Wakes those in line whose turn it is. */
  tell(): void {
    for (const caller of this.callers)
      if (caller.place && this.isOpen(caller, caller.place.want)) caller.ring();
  }

  /** Wakes everyone: there will be no more room. */
  close(): void {
    for (const caller of this.callers) caller.ring();
  }

  private placeOf(caller: Caller, want: Want): Place {
    caller.place ??= { want, order: this.refusals++, shortAt: undefined };
    return caller.place;
  }

  /** Whether nobody comes before a caller, and there may be enough. */
  private isOpen(caller: Caller | undefined, { priority }: Want): boolean {
    if (caller?.place?.shortAt === this.releases) return false;
    const order = caller?.place?.order ?? Number.POSITIVE_INFINITY;
    let moving: boolean | undefined;
    for (const other of this.callers) {
      const { place } = other;
      if (other === caller || !place || !other.atWork) continue;
      const ahead = place.want.priority - priority || order - place.order;
      if (ahead < 0) continue;
      moving ??= [...this.holders.values()].some((holder) => !holder || holder.atWork);
      if (moving || place.shortAt !== this.releases) return false;
    }
    return true;
  }
}
