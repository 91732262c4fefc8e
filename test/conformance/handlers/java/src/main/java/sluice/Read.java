package sluice;

import com.amazonaws.services.lambda.runtime.events.SQSEvent;
import com.amazonaws.services.lambda.runtime.serialization.events.LambdaEventSerializers;
import java.io.FileInputStream;
import java.nio.charset.StandardCharsets;
import java.util.Base64;

/** Reads a batch as the Java runtime of Lambda does, and prints what it understood. */
public final class Read {
    private static String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            out.append(c < 0x20 || c == '"' || c == '\\' || c > 0x7e ? String.format("\\u%04x", (int) c) : c);
        }
        return out.append('"').toString();
    }

    public static void main(String[] arguments) throws Exception {
        SQSEvent event;
        try (FileInputStream in = new FileInputStream(arguments[0])) {
            event = LambdaEventSerializers.serializerFor(SQSEvent.class, Read.class.getClassLoader()).fromJson(in);
        }
        for (SQSEvent.SQSMessage record : event.getRecords()) {
            StringBuilder line = new StringBuilder();
            line.append("{\"body\":").append(quoted(record.getBody()));
            line.append(",\"source\":").append(quoted(record.getEventSource()));
            line.append(",\"region\":").append(quoted(record.getAwsRegion()));
            line.append(",\"receives\":").append(quoted(record.getAttributes().get("ApproximateReceiveCount")));
            record.getMessageAttributes().forEach((name, a) -> {
                String value = a.getStringValue() != null ? a.getStringValue()
                        : Base64.getEncoder().encodeToString(a.getBinaryValue().array());
                line.append(',').append(quoted(name)).append(":[").append(quoted(a.getDataType())).append(',');
                line.append(quoted(value)).append(']');
            });
            System.out.write(line.append("}\n").toString().getBytes(StandardCharsets.UTF_8));
        }
        System.out.flush();
    }
}
