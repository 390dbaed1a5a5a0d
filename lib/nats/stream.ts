import type { StreamConfig } from '@nats-io/jetstream'
import { readProperty } from '../errors.js'
import { sendErrorOf } from '../http/send-report.js'
import type { NatsClient } from './client.js'
import { streamErrorOf } from './failures.js'
import type { Link } from './link.js'
import type { NatsSettings, StreamSettings } from './options.js'
import { covers } from './subject.js'

const NANOSECONDS = 1e6
const NOT_FOUND = 404
/** The server's own code for a stream that is not there. */
const STREAM_NOT_FOUND = 10059

/**
 * Makes sure that the stream of the settings is there and takes the subjects, and creates it if the settings say so.
 *
 * @throws an error that says what `send` is to reject with
 */
export async function ensureStream (client: NatsClient, link: Link, { stream, create, pattern, timeoutMs }: NatsSettings, redact: (text: string) => string): Promise<void> {
  if (stream === undefined) return
  let subjects: readonly string[] | undefined
  try {
    const manager = await client.jetstream.jetstreamManager(link.connection, { timeout: timeoutMs, checkAPI: false })
    const find = async (): Promise<readonly string[] | undefined> => {
      try {
        return (await manager.streams.info(stream)).config.subjects ?? []
      } catch (error) {
        if (readProperty(error, 'code') === STREAM_NOT_FOUND) return undefined
        throw error
      }
    }
    subjects = await find()
    if (subjects === undefined && create !== undefined) {
      try {
        subjects = (await manager.streams.add(configOf(stream, create))).config.subjects ?? []
      } catch (error) {
        // Another process may have created it in between.
        subjects = await find()
        if (subjects === undefined) throw error
      }
    }
  } catch (error) {
    throw streamErrorOf(stream, error, redact)
  }
  if (subjects === undefined) throw sendErrorOf(`there is no stream ${stream}; create: true creates it`, { statusCode: NOT_FOUND })
  if (!subjects.some(subject => covers(subject, pattern))) throw sendErrorOf(`the stream ${stream} does not take ${pattern}: its subjects are ${subjects.join(', ')}`, { statusCode: NOT_FOUND })
}

function configOf (name: string, { subjects, replicas, storage, discard, maxBytes, maxMessages, maxAgeMs, duplicateWindowMs }: StreamSettings): Partial<StreamConfig> & { name: string } {
  return {
    name,
    subjects: [...subjects],
    num_replicas: replicas,
    storage: storage as StreamConfig['storage'],
    discard: discard as StreamConfig['discard'],
    ...maxBytes !== undefined && { max_bytes: maxBytes },
    ...maxMessages !== undefined && { max_msgs: maxMessages },
    ...maxAgeMs !== undefined && { max_age: maxAgeMs * NANOSECONDS },
    ...duplicateWindowMs !== undefined && { duplicate_window: duplicateWindowMs * NANOSECONDS }
  }
}
