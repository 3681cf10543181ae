// Keeps a CRM's tables up to date from firstclaim's topics, with kafkajs: node consumer.mjs BOOTSTRAP DATABASE
//
// Rows and position are written in one transaction, so a crash repeats nothing and skips nothing.

import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { Kafka } from "kafkajs";

const [bootstrap, path] = process.argv.slice(2);
const database = new DatabaseSync(path);
database.exec(readFileSync(new URL("../schema.sql", import.meta.url), "utf8"));

// A message that is not newer than the row is a repeat.
const upserts = {
  assignments: database.prepare(
    `INSERT INTO assignment (lead_id, rep_id, how, via, version) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (lead_id) DO UPDATE SET rep_id = excluded.rep_id, how = excluded.how, via = excluded.via,
       version = excluded.version WHERE excluded.version > assignment.version`,
  ),
  "lead-exceptions": database.prepare(
    `INSERT INTO lead_exception (lead_id, status, reason, version) VALUES (?, ?, ?, ?)
     ON CONFLICT (lead_id) DO UPDATE SET status = excluded.status, reason = excluded.reason,
       version = excluded.version WHERE excluded.version > lead_exception.version`,
  ),
};
const columns = {
  assignments: ({ lead_id, rep_id, how, via, version }) => [lead_id, rep_id, how, via, version],
  "lead-exceptions": ({ lead_id, status, reason, version }) => [lead_id, status, reason, version],
};
// A record without a value: the lead was erased.
const deletes = {
  assignments: database.prepare("DELETE FROM assignment WHERE lead_id = ?"),
  "lead-exceptions": database.prepare("DELETE FROM lead_exception WHERE lead_id = ?"),
};
const position = database.prepare(
  "INSERT OR REPLACE INTO position (topic, partition, next) VALUES (?, ?, ?)",
);

function save(batch) {
  database.exec("BEGIN");
  try {
    for (const message of batch.messages) {
      if (message.value === null) {
        deletes[batch.topic].run(message.key.toString());
      } else {
        upserts[batch.topic].run(...columns[batch.topic](JSON.parse(message.value.toString())));
      }
    }
    position.run(batch.topic, batch.partition, Number(batch.lastOffset()) + 1);
    database.exec("COMMIT");
  } catch (error) {
    database.exec("ROLLBACK");
    throw error;
  }
}

const kafka = new Kafka({ clientId: "crm-javascript", brokers: [bootstrap], retry: { retries: 1000, maxRetryTime: 5000 } });
// kafkajs reads only what is committed, unless it is told otherwise. It needs a group; what counts is the database.
const consumer = kafka.consumer({ groupId: "crm-javascript", maxWaitTimeInMs: 500 });
await consumer.connect();
await consumer.subscribe({ topics: Object.keys(upserts), fromBeginning: true });
consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
  for (const [topic, partitions] of Object.entries(payload.memberAssignment)) {
    for (const partition of partitions) {
      const row = database
        .prepare("SELECT next FROM position WHERE topic = ? AND partition = ?")
        .get(topic, partition);
      consumer.seek({ topic, partition, offset: String(row?.next ?? 0) });
    }
  }
});
await consumer.run({ autoCommit: false, eachBatch: async ({ batch }) => save(batch) });

for (const signal of ["SIGTERM", "SIGINT"]) {
  process.once(signal, async () => {
    await consumer.disconnect();
    database.close();
    process.exit(0);
  });
}
