// Reads a batch with aws-lambda-go's type of an SQS event, and prints what it understood.
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/events"
)

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	var event events.SQSEvent
	if err := json.Unmarshal(text, &event); err != nil {
		panic(err)
	}
	for _, record := range event.Records {
		seen := map[string]any{
			"body": record.Body, "source": record.EventSource, "region": record.AWSRegion,
			"receives": record.Attributes["ApproximateReceiveCount"],
		}
		for name, a := range record.MessageAttributes {
			value := base64.StdEncoding.EncodeToString(a.BinaryValue)
			if a.StringValue != nil {
				value = *a.StringValue
			}
			seen[name] = []string{a.DataType, value}
		}
		line, err := json.Marshal(seen)
		if err != nil {
			panic(err)
		}
		fmt.Println(string(line))
	}
}
