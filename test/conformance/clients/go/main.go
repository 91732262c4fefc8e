// main PREFIX CHECK... -- the checks with the AWS SDK for Go v2, which checks the digests of bodies itself.
// Queues are named after PREFIX and the check.
package main

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const body = "quotes \" and <&> \\ and \r\n\tlines, grün \U0001F600"

var (
	ctx    = context.Background()
	prefix string
	client *sqs.Client
)

var checks = map[string]func(){}

// failure is what a check panics with.
type failure struct{ error }

func fail(format string, arguments ...any) {
	panic(failure{fmt.Errorf(format, arguments...)})
}

func same(got, wanted any) {
	if !reflect.DeepEqual(got, wanted) {
		fail("%#v, not %#v", got, wanted)
	}
}

func holds(what string, condition bool) {
	if !condition {
		fail("it does not hold that %s", what)
	}
}

// must is for a call that has to succeed.
func must[T any](answer T, err error) T {
	if err != nil {
		panic(failure{err})
	}
	return answer
}

func until(what string, condition func() bool) {
	for end := time.Now().Add(15 * time.Second); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			fail("not within 15 s: %s", what)
		}
	}
}

// ---- one queue ----

func queue(name string, attributes map[string]string) string {
	name = prefix + "-" + name
	return *must(client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})).QueueUrl
}

func fifo(name string, attributes map[string]string) string {
	with := map[string]string{"FifoQueue": "true"}
	for key, value := range attributes {
		with[key] = value
	}
	return queue(name+".fifo", with)
}

func attributes(url string) map[string]string {
	return must(client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []types.QueueAttributeName{"All"}})).Attributes
}

// counts tells how many messages are visible, in flight, delayed.
func counts(url string) [3]string {
	all := attributes(url)
	return [3]string{all["ApproximateNumberOfMessages"], all["ApproximateNumberOfMessagesNotVisible"],
		all["ApproximateNumberOfMessagesDelayed"]}
}

func sameCounts(url string, visible, inFlight, delayed string) {
	same(counts(url), [3]string{visible, inFlight, delayed})
}

type sendOptions = sqs.SendMessageInput

func send(url, text string, options sendOptions) *sqs.SendMessageOutput {
	options.QueueUrl, options.MessageBody = &url, &text
	return must(client.SendMessage(ctx, &options))
}

type entry = types.SendMessageBatchRequestEntry

// sendBatch returns the message ids in the order of the entries, whose Id it sets.
func sendBatch(url string, entries ...entry) []string {
	for n := range entries {
		entries[n].Id = aws.String(fmt.Sprintf("e-%d", n))
	}
	answer := must(client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &url, Entries: entries}))
	same(len(answer.Failed), 0)
	ids := make([]string, len(entries))
	for _, sent := range answer.Successful {
		ids[must(strconv.Atoi((*sent.Id)[2:]))] = *sent.MessageId
	}
	return ids
}

func plain(texts string) []entry {
	entries := []entry{}
	for _, text := range strings.Split(texts, "") {
		entries = append(entries, entry{MessageBody: aws.String(text)})
	}
	return entries
}

type receiveOptions = sqs.ReceiveMessageInput

func receive(url string, wait int32, options receiveOptions) []types.Message {
	options.QueueUrl, options.WaitTimeSeconds = &url, wait
	options.MessageSystemAttributeNames = []types.MessageSystemAttributeName{"All"}
	if options.MaxNumberOfMessages == 0 {
		options.MaxNumberOfMessages = 10
	}
	if options.MessageAttributeNames == nil {
		options.MessageAttributeNames = []string{"All"}
	}
	return must(client.ReceiveMessage(ctx, &options)).Messages
}

func receiveAll(url string, count int, options receiveOptions) []types.Message {
	got := []types.Message{}
	until(fmt.Sprintf("%d messages", count), func() bool {
		got = append(got, receive(url, 1, options)...)
		return len(got) >= count
	})
	same(len(got), count)
	return got
}

func receiveOne(url string, options receiveOptions) types.Message {
	return receiveAll(url, 1, options)[0]
}

func bodies(messages []types.Message) []string {
	texts := []string{}
	for _, message := range messages {
		texts = append(texts, *message.Body)
	}
	return texts
}

func remove(url string, messages ...types.Message) {
	entries := []types.DeleteMessageBatchRequestEntry{}
	for n, message := range messages {
		entries = append(entries, types.DeleteMessageBatchRequestEntry{
			Id: aws.String(fmt.Sprint(n)), ReceiptHandle: message.ReceiptHandle})
	}
	answer := must(client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &url, Entries: entries}))
	same(len(answer.Failed), 0)
	same(len(answer.Successful), len(messages))
}

// ---- the program ----

// try prints how a check went.
func try(name string) {
	defer func() {
		if why := recover(); why != nil {
			fmt.Printf("not ok %s: %s\n", name, strings.Join(strings.Fields(fmt.Sprint(why)), " "))
		} else {
			fmt.Printf("ok %s\n", name)
		}
	}()
	check, there := checks[name]
	if !there {
		fail("no such check")
	}
	check()
}

func main() {
	prefix = os.Args[1]
	client = sqs.NewFromConfig(must(config.LoadDefaultConfig(ctx)))
	for _, name := range os.Args[2:] {
		try(name)
	}
}
