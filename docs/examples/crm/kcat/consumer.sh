#!/usr/bin/env bash
# Keeps a CRM's tables up to date from firstclaim's topics, with kcat, jq and sqlite3: consumer.sh BOOTSTRAP DATABASE
#
# It reads the compacted topics from their beginning at each start. That is harmless: a message that is not newer than the
# row is a repeat. For more than some 100,000 leads use one of the other examples, which remember their position.
set -euo pipefail
bootstrap=$1 database=$2
sqlite3 "$database" < "$(dirname "$0")/../schema.sql"

# One line of SQL for each record. kcat prints topic, size of the value (-1: none) and key as TAB-separated fields, then the
# value, whose JSON has no TAB and no line end.
sql='
def text: if . == null then "NULL" else "\u0027" + gsub("\u0027"; "\u0027\u0027") + "\u0027" end;
split("\t") as [$topic, $size, $key, $value] |
if $size == "-1" then
  "DELETE FROM " + (if $topic == "assignments" then "assignment" else "lead_exception" end)
  + " WHERE lead_id = " + ($key | text) + ";"
elif $topic == "assignments" then
  ($value | fromjson) as $v |
  "INSERT INTO assignment (lead_id, rep_id, how, via, version) VALUES ("
  + ([$v.lead_id, $v.rep_id, $v.how, $v.via | text] | join(", ")) + ", \($v.version))"
  + " ON CONFLICT (lead_id) DO UPDATE SET rep_id = excluded.rep_id, how = excluded.how, via = excluded.via,"
  + " version = excluded.version WHERE excluded.version > assignment.version;"
else
  ($value | fromjson) as $v |
  "INSERT INTO lead_exception (lead_id, status, reason, version) VALUES ("
  + ([$v.lead_id, $v.status, $v.reason | text] | join(", ")) + ", \($v.version))"
  + " ON CONFLICT (lead_id) DO UPDATE SET status = excluded.status, reason = excluded.reason,"
  + " version = excluded.version WHERE excluded.version > lead_exception.version;"
end'

# librdkafka reads only what is committed. The group exists so that kcat reads every partition; it stores no position.
kcat -b "$bootstrap" -G "crm-kcat-$$" -X auto.offset.reset=earliest -X enable.auto.commit=false -u -q \
  -f '%t\t%S\t%k\t%s\n' assignments lead-exceptions \
  | jq --unbuffered --raw-input --raw-output "$sql" \
  | sqlite3 -bail "$database"
