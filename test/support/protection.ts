import { LevelNames } from '#lib/levels'
import { LevelReader } from '#lib/line-level'
import { Protection } from '#lib/protection'

/** Protects lines of level `error` and above, and counts how many levels it was asked for. */
export class CountingReader extends LevelReader {
  reads = 0

  constructor () {
    super('level', new LevelNames())
  }

  override levelOf (bytes: Buffer, at: number, end: number): number {
    this.reads++
    return super.levelOf(bytes, at, end)
  }
}

/** Protects lines of level `error` and above. */
export function protectErrors (reader: LevelReader = new CountingReader()): Protection {
  return new Protection(reader, 50)
}

/** A line like those of pino, without its newline: of level `error` if it is protected. */
export function leveled (number: number, isProtected: boolean, length = 0): string {
  const head = `{"level":${isProtected ? 50 : 20},"n":${number},"x":"`
  return `${head}${'x'.repeat(Math.max(0, length - head.length - 3))}"}`
}

/** The numbers of such lines. */
export function numbersOf (text: string): number[] {
  return text.split('\n').slice(0, -1).map(line => Number(/"n":(\d+)/.exec(line)?.[1]))
}

/** Protects each third of the lines that begin with their number: it stands for the levels of lines that are too short for one. */
export class ThirdReader extends LevelReader {
  constructor () {
    super('level', new LevelNames())
  }

  override levelOf (bytes: Buffer, at: number, end: number): number {
    return isThird(Number.parseInt(bytes.toString('latin1', at, end))) ? 50 : 20
  }
}

/** True for the number of a line that {@link ThirdReader} protects. */
export function isThird (number: number): boolean {
  return number % 3 === 0
}
