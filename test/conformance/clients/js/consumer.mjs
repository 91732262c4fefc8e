// consumer.mjs PREFIX CHECK... -- sqs-producer sends, and sqs-consumer takes everything again.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { Consumer } from 'sqs-consumer'
import { Producer } from 'sqs-producer'
import { attributes, call, client, counts, digits, fifo, prefix, queue, receiveOne, run } from './report.mjs'

const EVENTS = 100
const REFUSED = 'a handler that refuses'

// Consumes until `isDone` holds, which is asked after every message that the consumer has deleted.
async function consume(queueUrl, isDone, options) {
  const consumer = Consumer.create({ queueUrl, sqs: client, batchSize: 10, waitTimeSeconds: 5, ...options })
  const done = new Promise((resolve, reject) => {
    consumer.on('error', (error) => error.message.includes(REFUSED) || reject(error))
    consumer.on('response_processed', () => isDone() && resolve())
    setTimeout(reject, 20_000, new Error('not within 20 s: all is consumed')).unref()
  })
  consumer.start()
  try {
    await done
  } finally {
    const stopped = once(consumer, 'stopped')
    consumer.stop({ abort: true })
    await stopped
  }
}

const produce = (queueUrl, messages) => Producer.create({ queueUrl, sqs: client, batchSize: 10 }).send(messages)

async function assertEmpty(url) {
  assert.deepEqual(await counts(url), [0, 0, 0])
}

await run({
  async 'consume-batches'() {
    const url = await queue('consume-batches')
    const sent = await produce(url, digits(EVENTS).map((n) => ({
      id: n, body: `event ${n}`, messageAttributes: { number: { DataType: 'Number', StringValue: n } },
    })))
    assert.equal(new Set(sent.map((entry) => entry.MessageId)).size, EVENTS)
    const got = []
    await consume(url, () => got.length >= EVENTS, {
      messageAttributeNames: ['All'],
      handleMessageBatch: async (messages) => {
        got.push(...messages)
        return messages
      },
    })
    assert.deepEqual(got.map((message) => message.Body).sort(), digits(EVENTS).map((n) => `event ${n}`).sort())
    assert(got.every((message) => message.Body === `event ${message.MessageAttributes.number.StringValue}`))
    await assertEmpty(url)
  },

  async 'consume-singly'() {
    const url = await queue('consume-singly')
    assert.equal(await Producer.create({ queueUrl: url, sqs: client }).queueSize(), 0)
    await produce(url, digits(EVENTS))
    const got = new Set()
    await consume(url, () => got.size === EVENTS, {
      handleMessage: async (message) => {
        got.add(message.Body)
        return message
      },
    })
    await assertEmpty(url)
  },

  // What a handler does not return is handed out again, and what it gives up goes to the dead-letter queue.
  async 'consume-again'() {
    const dead = await queue('consume-again-dead')
    const deadLetterTargetArn = (await attributes(dead)).QueueArn
    const url = await queue('consume-again', { RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 3 }) })
    await produce(url, digits(20))
    const tries = {}
    const good = []
    const isGood = ({ Body }) => Body !== '7' && (Body !== '3' || tries[Body] > 1)
    await consume(url, () => good.length === 19 && tries['7'] === 3, {
      messageSystemAttributeNames: ['ApproximateReceiveCount'],
      handleMessageBatch: async (messages) => {
        for (const { Body, Attributes } of messages) tries[Body] = Number(Attributes.ApproximateReceiveCount)
        for (const { ReceiptHandle } of messages.filter((message) => !isGood(message))) {
          await call('ChangeMessageVisibility', { QueueUrl: url, ReceiptHandle, VisibilityTimeout: 0 })
        }
        good.push(...messages.filter(isGood))
        return messages.filter(isGood)
      },
    })
    assert.equal(tries['3'], 2)
    await call('ReceiveMessage', { QueueUrl: url }) // '7' may have gone by now, with a poll of the consumer's
    assert.equal((await receiveOne(dead)).Body, '7')
    await assertEmpty(url)
  },

  // When a handler throws, the consumer itself changes the visibility of the batch to 0.
  async 'consume-after-error'() {
    const url = await queue('consume-after-error', { VisibilityTimeout: '600' })
    await produce(url, digits(10))
    let batches = 0
    const got = new Set()
    await consume(url, () => got.size === 10, {
      terminateVisibilityTimeout: true,
      handleMessageBatch: async (messages) => {
        if (batches++ === 0) throw new Error(REFUSED)
        for (const { Body } of messages) got.add(Body)
        return messages
      },
    })
    await assertEmpty(url)
  },

  // When a handler outlasts the visibility timeout, the consumer extends it, and nothing comes twice.
  async 'consume-slowly'() {
    const url = await queue('consume-slowly', { VisibilityTimeout: '4' })
    await produce(url, digits(10))
    const got = []
    await consume(url, () => got.length >= 10, {
      visibilityTimeout: 4,
      heartbeatInterval: 1,
      handleMessageBatch: async (messages) => {
        await pause(5000)
        got.push(...messages)
        return messages
      },
    })
    assert.equal(got.length, 10)
    await assertEmpty(url)
  },

  async 'consume-fifo'() {
    const url = await fifo('consume-fifo', { ContentBasedDeduplication: 'true' })
    await produce(url, digits(EVENTS).map((n) => ({ id: n, body: n, groupId: `g${n % 7}`, deduplicationId: `${prefix}${n}` })))
    const got = []
    await consume(url, () => got.length >= EVENTS, {
      handleMessageBatch: async (messages) => {
        got.push(...messages.map((message) => Number(message.Body)))
        return messages
      },
    })
    for (const group of digits(7).map(Number)) {
      const mine = got.filter((n) => n % 7 === group)
      assert.deepEqual(mine, [...mine].sort((a, b) => a - b))
    }
    assert.equal(new Set(got).size, EVENTS)
    await assertEmpty(url)
  },
})
