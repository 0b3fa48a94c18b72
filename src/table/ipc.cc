// Arrow IPC files (also named Feather, version 2): memory layout on disk.
#include <arrow/api.h>
#include <arrow/io/api.h>
#include <arrow/ipc/api.h>

#include <algorithm>

#include "base/text.h"
#include "table/convert.h"
#include "table/formats.h"

namespace fettle::table {
namespace {

using Reader = std::shared_ptr<arrow::ipc::RecordBatchFileReader>;

Result<Reader> open(const std::string& path) {
  auto file = arrow::io::ReadableFile::Open(path);
  if (!file.ok())
    return fail(Code::PermissionDenied, text::format("cannot read '{}': {}", path, file.status().message()));
  auto reader = arrow::ipc::RecordBatchFileReader::Open(*file);
  if (!reader.ok()) return damaged(path, reader.status());
  return *std::move(reader);
}

arrow::Result<std::shared_ptr<arrow::Table>> batches_of(const Reader& reader) {
  arrow::RecordBatchVector batches;
  for (int i = 0; i < reader->num_record_batches(); ++i) {
    ARROW_ASSIGN_OR_RAISE(auto batch, reader->ReadRecordBatch(i));
    ARROW_RETURN_NOT_OK(batch->ValidateFull());  // offsets and indices of a damaged file may lead anywhere
    batches.push_back(std::move(batch));
  }
  return arrow::Table::FromRecordBatches(reader->schema(), batches);
}

}  // namespace

Result<Table> read_ipc(const std::string& path, const std::vector<std::string>& columns) {
  FETTLE_TRY(const auto reader, open(path));
  FETTLE_TRY_(check_columns(reader->schema()->field_names(), columns));
  auto all = batches_of(reader);
  if (!all.ok()) return damaged(path, all.status());
  if (columns.empty()) return from_arrow(**all);
  std::vector<int> places;
  for (const auto& name : columns) places.push_back(reader->schema()->GetFieldIndex(name));
  auto some = (*all)->SelectColumns(places);
  if (!some.ok()) return damaged(path, some.status());
  return from_arrow(**some);
}

Result<FileSummary> summarize_ipc(const std::string& path) {
  FETTLE_TRY(const auto reader, open(path));
  const auto rows = reader->CountRows();
  if (!rows.ok()) return damaged(path, rows.status());
  FileSummary out{.rows = static_cast<std::size_t>(*rows), .columns = {}};
  for (const auto& field : reader->schema()->fields()) {
    FETTLE_TRY(const auto kind, kind_of(field->name(), *field->type()));
    out.columns.emplace_back(field->name(), kind);
  }
  return out;
}

Result<std::string> ipc_bytes(const Table& table) {
  FETTLE_TRY(const auto source, to_arrow(table));
  const auto write = [&]() -> arrow::Result<std::string> {
    ARROW_ASSIGN_OR_RAISE(const auto sink, arrow::io::BufferOutputStream::Create());
    ARROW_ASSIGN_OR_RAISE(const auto writer, arrow::ipc::MakeFileWriter(sink, source->schema()));
    ARROW_RETURN_NOT_OK(writer->WriteTable(*source));
    ARROW_RETURN_NOT_OK(writer->Close());
    ARROW_ASSIGN_OR_RAISE(const auto bytes, sink->Finish());
    return bytes->ToString();
  };
  auto bytes = write();
  if (!bytes.ok())
    return fail(Code::Internal, text::format("Arrow IPC cannot be written: {}", bytes.status().message()));
  return *std::move(bytes);
}

}  // namespace fettle::table
