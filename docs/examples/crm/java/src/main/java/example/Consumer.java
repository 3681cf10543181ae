package example;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Keeps a CRM's tables up to date from firstclaim's topics: {@code java example.Consumer BOOTSTRAP DATABASE SCHEMA}.
 *
 * <p>Rows and position are written in one transaction, so a crash repeats nothing and skips nothing.
 */
public final class Consumer {
  private static final List<String> TOPICS = List.of("assignments", "lead-exceptions");

  /** A message that is not newer than the row is a repeat. */
  private static final Map<String, String> UPSERTS =
      Map.of(
          "assignments",
          "INSERT INTO assignment (lead_id, rep_id, how, via, version) VALUES (?, ?, ?, ?, ?) "
              + "ON CONFLICT (lead_id) DO UPDATE SET rep_id = excluded.rep_id, how = excluded.how, via = excluded.via, "
              + "version = excluded.version WHERE excluded.version > assignment.version",
          "lead-exceptions",
          "INSERT INTO lead_exception (lead_id, status, reason, version) VALUES (?, ?, ?, ?) "
              + "ON CONFLICT (lead_id) DO UPDATE SET status = excluded.status, reason = excluded.reason, "
              + "version = excluded.version WHERE excluded.version > lead_exception.version");

  private static final Map<String, List<String>> COLUMNS =
      Map.of(
          "assignments", List.of("lead_id", "rep_id", "how", "via"),
          "lead-exceptions", List.of("lead_id", "status", "reason"));

  /** A record without a value: the lead was erased. */
  private static final Map<String, String> DELETES =
      Map.of(
          "assignments", "DELETE FROM assignment WHERE lead_id = ?",
          "lead-exceptions", "DELETE FROM lead_exception WHERE lead_id = ?");

  private static final ObjectMapper JSON = new ObjectMapper();

  public static void main(String[] arguments) throws Exception {
    try (Connection database = DriverManager.getConnection("jdbc:sqlite:" + arguments[1]);
        // Without a group: the database says where to read on, and this program reads every partition.
        // read_committed is right for every topic. These two are written without transactions.
        KafkaConsumer<String, String> consumer =
            new KafkaConsumer<>(
                Map.of("bootstrap.servers", arguments[0], "isolation.level", "read_committed"),
                new StringDeserializer(),
                new StringDeserializer())) {
      for (String statement : Files.readString(Path.of(arguments[2])).split(";\n")) {
        try (Statement create = database.createStatement()) {
          create.execute(statement);
        }
      }
      database.setAutoCommit(false);
      List<TopicPartition> partitions =
          TOPICS.stream()
              .flatMap(topic -> consumer.partitionsFor(topic).stream())
              .map(found -> new TopicPartition(found.topic(), found.partition()))
              .toList();
      consumer.assign(partitions);
      for (TopicPartition partition : partitions) {
        consumer.seek(partition, position(database, partition));
      }
      Thread reading = Thread.currentThread();
      Runtime.getRuntime()
          .addShutdownHook(
              new Thread(
                  () -> {
                    consumer.wakeup();
                    try {
                      reading.join();
                    } catch (InterruptedException interrupted) {
                      Thread.currentThread().interrupt();
                    }
                  }));
      while (true) {
        save(database, consumer.poll(Duration.ofMillis(500)));
      }
    } catch (WakeupException stopped) {
      // SIGTERM or SIGINT: everything that was read is saved
    }
  }

  private static long position(Connection database, TopicPartition partition) throws SQLException {
    try (PreparedStatement query =
        database.prepareStatement("SELECT next FROM position WHERE topic = ? AND partition = ?")) {
      query.setString(1, partition.topic());
      query.setInt(2, partition.partition());
      try (ResultSet found = query.executeQuery()) {
        return found.next() ? found.getLong(1) : 0;
      }
    }
  }

  /** Writes the records of one poll, and where to read on, in one transaction. */
  private static void save(Connection database, ConsumerRecords<String, String> records) throws Exception {
    for (TopicPartition partition : records.partitions()) {
      long next = 0;
      for (ConsumerRecord<String, String> record : records.records(partition)) {
        if (record.value() == null) {
          try (PreparedStatement delete = database.prepareStatement(DELETES.get(record.topic()))) {
            delete.setString(1, record.key());
            delete.executeUpdate();
          }
        } else {
          upsert(database, record.topic(), JSON.readTree(record.value()));
        }
        next = record.offset() + 1;
      }
      try (PreparedStatement position =
          database.prepareStatement("INSERT OR REPLACE INTO position (topic, partition, next) VALUES (?, ?, ?)")) {
        position.setString(1, partition.topic());
        position.setInt(2, partition.partition());
        position.setLong(3, next);
        position.executeUpdate();
      }
    }
    database.commit();
  }

  private static void upsert(Connection database, String topic, JsonNode message) throws SQLException {
    try (PreparedStatement upsert = database.prepareStatement(UPSERTS.get(topic))) {
      int place = 1;
      for (String column : COLUMNS.get(topic)) {
        JsonNode value = message.get(column);
        upsert.setString(place++, value.isNull() ? null : value.asText());
      }
      upsert.setLong(place, message.get("version").asLong());
      upsert.executeUpdate();
    }
  }
}
