import type { Usage } from '../tokens/usage.ts';
import type { ReportedUsage } from './read-usage.ts';
import { readUsage } from './read-usage.ts';
import type { CountTokens, TextKind } from './relayed-text.ts';
import { createRelayedText } from './relayed-text.ts';

/** What one answer used so far; valid at any moment, wherever the answer breaks off. */
export interface Meter {
  /** A piece of text went to the payer. Texts of a chunk come before the usage that stands in the same chunk. */
  relayed(choice: number, kind: TextKind, piece: string): void;
  /** The upstream's `usage` object, as it stands in the answer. The last one counts; null and undefined are none. */
  reported(usage: unknown): void;
  /** The output by our own count is not above this. Free: ask it before `output`. */
  outputAtMost(): number;
  /** Output tokens of all choices by our own count. */
  output(): Promise<number>;
  /**
   * The upstream's usage where it is sane and nothing was relayed after it; else our own count, of the output at least as high
   * as the upstream's. Rejects when a count does; may be asked again.
   */
  usage(): Promise<Usage>;
}

export interface MeterOptions {
  /** The exact tokens of the prompt; asked once, and only if the upstream does not tell. */
  readonly countInput: () => Promise<number>;
  readonly count: CountTokens;
  /** Image parts of the prompt. */
  readonly images: number;
}

export function createMeter({ countInput, count, images }: MeterOptions): Meter {
  const text = createRelayedText(count);
  let report: ReportedUsage | undefined;
  let isReportLast = false;
  let inputTokens: number | undefined;

  const ownInput = async (): Promise<number> => (inputTokens ??= await countInput());

  /** A report of no output beside a relayed text was not counted by anyone. */
  const isFinal = (report: ReportedUsage): boolean =>
    isReportLast && report.input > 0 && (report.output > 0 || text.isEmpty);

  return {
    relayed(choice, kind, piece) {
      if (piece !== '') isReportLast = false;
      text.add(choice, kind, piece);
    },
    reported(usage) {
      if (usage === undefined || usage === null) return;
      report = readUsage(usage);
      isReportLast = true;
    },
    outputAtMost: () => text.atMost(),
    output: async () => (await text.count()).output,
    async usage() {
      const said = report;
      if (said !== undefined && isFinal(said)) return { ...said, images };
      const own = await text.count();
      const { output, reasoning } = said !== undefined && said.output > own.output ? said : own;
      const isInputSaid = said !== undefined && said.input > 0;
      return {
        input: isInputSaid ? said.input : await ownInput(),
        cachedInput: isInputSaid ? said.cachedInput : 0,
        output,
        reasoning,
        images,
      };
    },
  };
}
