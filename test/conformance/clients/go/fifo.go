package main

import (
	"crypto/sha256"
	"fmt"
	"math/big"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func inGroup(group, deduplication string) sendOptions {
	options := sendOptions{MessageGroupId: &group}
	if deduplication != "" {
		options.MessageDeduplicationId = &deduplication
	}
	return options
}

// sameOrder: the messages of one group are those that were sent to it, in order, with numbers that grow.
func sameOrder(messages []types.Message, wanted []string) {
	same(bodies(messages), wanted)
	last := new(big.Int)
	for _, message := range messages {
		number, valid := new(big.Int).SetString(message.Attributes["SequenceNumber"], 10)
		holds("the sequence number grows", valid && number.Cmp(last) > 0)
		same(message.Attributes["MessageDeduplicationId"], "d"+*message.Body)
		last = number
	}
}

func init() {
	checks["fifo-order"] = func() {
		url := fifo("fifo-order", nil)
		entries := plain("012345678")
		for n := range entries {
			entries[n].MessageGroupId = aws.String(string("abc"[n%3]))
			entries[n].MessageDeduplicationId = aws.String("d" + *entries[n].MessageBody)
		}
		sendBatch(url, entries...)
		groups := map[string][]types.Message{}
		for left := 9; left > 0; {
			some := receive(url, 5, receiveOptions{})
			holds("there is more to receive", len(some) > 0)
			for _, message := range some {
				group := message.Attributes["MessageGroupId"]
				groups[group] = append(groups[group], message)
			}
			remove(url, some...)
			left -= len(some)
		}
		sameOrder(groups["a"], []string{"0", "3", "6"})
		sameOrder(groups["b"], []string{"1", "4", "7"})
		sameOrder(groups["c"], []string{"2", "5", "8"})
		sameCounts(url, "0", "0", "0")
	}

	checks["fifo-group-held"] = func() {
		url := fifo("fifo-group-held", map[string]string{"ContentBasedDeduplication": "true"})
		for _, text := range []string{"a1", "a2", "b1"} {
			holds("it is numbered", aws.ToString(send(url, text, inGroup(text[:1], "")).SequenceNumber) != "")
		}
		first := receiveOne(url, receiveOptions{MaxNumberOfMessages: 1})
		same(*first.Body, "a1")
		same(bodies(receive(url, 1, receiveOptions{})), []string{"b1"})
		same(len(receive(url, 0, receiveOptions{})), 0)
		remove(url, first)
		same(bodies(receive(url, 1, receiveOptions{})), []string{"a2"})
	}

	checks["fifo-deduplication"] = func() {
		url := fifo("fifo-deduplication", nil)
		first := send(url, "one", inGroup("a", "same"))
		again := send(url, "two", inGroup("a", "same"))
		same([]string{*again.MessageId, aws.ToString(again.SequenceNumber)},
			[]string{*first.MessageId, aws.ToString(first.SequenceNumber)})
		got := receiveOne(url, receiveOptions{})
		same(*got.Body, "one")
		remove(url, got)
		same(*send(url, "three", inGroup("a", "same")).MessageId, *first.MessageId)
		sameCounts(url, "0", "0", "0")
	}

	checks["fifo-content"] = func() {
		url := fifo("fifo-content", map[string]string{"ContentBasedDeduplication": "true"})
		first := send(url, "x", inGroup("a", ""))
		same(*send(url, "x", inGroup("a", "")).MessageId, *first.MessageId)
		send(url, "x", inGroup("a", "of-its-own"))
		got := receiveAll(url, 2, receiveOptions{})
		same(got[0].Attributes["MessageDeduplicationId"], fmt.Sprintf("%x", sha256.Sum256([]byte("x"))))
		same(got[1].Attributes["MessageDeduplicationId"], "of-its-own")
	}
}
