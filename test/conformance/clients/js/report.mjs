// What the programs in this folder share: the queue as a client sees it, and how a check is reported.
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import * as sdk from '@aws-sdk/client-sqs'

export const BODY = 'quotes " and <&> \\ and \r\n\tlines, grün \u{1F600}'
export const [prefix, ...names] = process.argv.slice(2)
export const client = new sdk.SQSClient()

// call('SendMessage', {...}): the command of that name.
export const call = (operation, input, by = client) => by.send(new sdk[`${operation}Command`](input))

export const digits = (count) => Array.from({ length: count }, (_, n) => String(n))

export async function until(what, condition, seconds = 15) {
  const end = Date.now() + seconds * 1000
  for (;;) {
    const value = await condition()
    if (value) return value
    assert(Date.now() < end, `not within ${seconds} s: ${what}`)
    await pause(20)
  }
}

export async function queue(name, attributes = {}) {
  return (await call('CreateQueue', { QueueName: `${prefix}-${name}`, Attributes: attributes })).QueueUrl
}

export const fifo = (name, attributes) => queue(`${name}.fifo`, { FifoQueue: 'true', ...attributes })

export async function attributes(QueueUrl) {
  return (await call('GetQueueAttributes', { QueueUrl, AttributeNames: ['All'] })).Attributes
}

// How many messages are visible, in flight, delayed.
export async function counts(url) {
  const all = await attributes(url)
  return ['', 'NotVisible', 'Delayed'].map((which) => Number(all[`ApproximateNumberOfMessages${which}`]))
}

export const send = (QueueUrl, MessageBody = BODY, options = {}) => call('SendMessage', { QueueUrl, MessageBody, ...options })

// Each entry is a body, or an entry without Id. Returns the message ids in order.
export async function sendBatch(QueueUrl, entries) {
  const answer = await call('SendMessageBatch', {
    QueueUrl,
    Entries: entries.map((entry, n) => ({ Id: `e-${n}`, ...(typeof entry === 'string' ? { MessageBody: entry } : entry) })),
  })
  assert.deepEqual(answer.Failed ?? [], [])
  return entries.map((_, n) => answer.Successful.find((sent) => sent.Id === `e-${n}`).MessageId)
}

export async function receive(QueueUrl, WaitTimeSeconds = 0, options = {}) {
  const answer = await call('ReceiveMessage', {
    QueueUrl, WaitTimeSeconds, MaxNumberOfMessages: 10, MessageAttributeNames: ['All'],
    MessageSystemAttributeNames: ['All'], ...options,
  })
  return answer.Messages ?? []
}

export async function receiveAll(url, count, options) {
  const got = []
  await until(`${count} messages`, async () => {
    got.push(...await receive(url, 1, options))
    return got.length >= count
  })
  assert.equal(got.length, count)
  return got
}

export const receiveOne = async (url, options) => (await receiveAll(url, 1, options))[0]

export const bodies = (messages) => messages.map((message) => message.Body)

export async function remove(QueueUrl, ...messages) {
  const answer = await call('DeleteMessageBatch', {
    QueueUrl, Entries: messages.map(({ ReceiptHandle }, n) => ({ Id: String(n), ReceiptHandle })),
  })
  assert.deepEqual([answer.Failed ?? [], answer.Successful.length], [[], messages.length])
}

// Does the checks that the command line names after PREFIX, and prints a line for each.
export async function run(checks) {
  for (const name of names) {
    try {
      await checks[name]()
      console.log(`ok ${name}`)
    } catch (error) {
      const lines = error.stack?.match(/\w+\.mjs:\d+/g)?.filter((line) => !line.startsWith('report')) ?? []
      console.log(`not ok ${name}: ${lines[0] ?? '?'}: ${String(error).replace(/\s+/g, ' ').slice(0, 600)}`)
    }
  }
}
