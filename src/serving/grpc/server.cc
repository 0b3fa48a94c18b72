#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include "base/text.h"
#include "inference.grpc.pb.h"
#include "serving/grpc.h"
#include "serving/grpc/convert.h"
#include "serving/infer.h"

namespace fettle::serving {
namespace {

using Service = inference::GRPCInferenceService::AsyncService;

constexpr int kInferSlots = 64;  // calls whose answer may be on its way out; more wait in gRPC
constexpr int kMaxMessage = 64 << 20;

grpc::StatusCode status_code(Code code) noexcept {
  switch (code) {
    case Code::InvalidArgument:
      return grpc::StatusCode::INVALID_ARGUMENT;
    case Code::NotFound:
      return grpc::StatusCode::NOT_FOUND;
    case Code::FailedPrecondition:
      return grpc::StatusCode::FAILED_PRECONDITION;
    case Code::ResourceExhausted:
      return grpc::StatusCode::RESOURCE_EXHAUSTED;
    case Code::Unavailable:
      return grpc::StatusCode::UNAVAILABLE;
    case Code::Unimplemented:
      return grpc::StatusCode::UNIMPLEMENTED;
    case Code::Unauthenticated:
      return grpc::StatusCode::UNAUTHENTICATED;
    case Code::PermissionDenied:
      return grpc::StatusCode::PERMISSION_DENIED;
    default:
      return grpc::StatusCode::INTERNAL;
  }
}

grpc::Status to_status(const Result<void>& result) {
  return result ? grpc::Status::OK : grpc::Status(status_code(result.error().code), result.error().message);
}

// What handlers see: the runtime, the thread's batch, and whether a call may ask.
struct Context {
  Runtime& runtime;
  Batch batch;
  GrpcGate gate;
};

// The model that a request is about; "" for the list of all, nullopt for the server's own state, which is public.
template <typename Request>
std::optional<std::string_view> model_of(const Request&) {
  return std::nullopt;
}
std::optional<std::string_view> model_of(const inference::ModelInferRequest& request) { return request.model_name(); }
std::optional<std::string_view> model_of(const inference::ModelReadyRequest& request) { return request.name(); }
std::optional<std::string_view> model_of(const inference::ModelMetadataRequest& request) { return request.name(); }
std::optional<std::string_view> model_of(const inference::RepositoryIndexRequest&) { return ""; }

std::string_view authorization_of(const grpc::ServerContext& call) {
  const auto& metadata = call.client_metadata();
  const auto found = metadata.find("authorization");
  return found == metadata.end() ? std::string_view() : std::string_view(found->second.data(), found->second.size());
}

template <typename Request>
Result<void> check(const Context& context, const grpc::ServerContext& call, const Request& request) {
  if (!context.gate) return {};
  const auto model = model_of(request);
  if (!model) return {};
  FETTLE_TRY_(context.gate(authorization_of(call), *model));
  if (model->empty() || context.runtime.find(*model)) return {};
  return fail(Code::NotFound, text::format("there is no model '{}'", *model));  // without naming the others
}

// Takes out of an answer what the call may not see.
template <typename Response>
void hide(const Context&, const grpc::ServerContext&, Response&) {}
void hide(const Context& context, const grpc::ServerContext& call, inference::RepositoryIndexResponse& response) {
  if (!context.gate) return;
  auto& models = *response.mutable_models();
  for (int i = models.size() - 1; i >= 0; --i)
    if (!context.gate(authorization_of(call), models[i].name())) models.DeleteSubrange(i, 1);
}

Result<std::shared_ptr<const Endpoint>> find(const Runtime& runtime, const std::string& name,
                                             const std::string& version = "") {
  auto endpoint = runtime.find(name);
  if (!endpoint)
    return fail(Code::NotFound,
                text::format("there is no model '{}'; there are: {}", name, text::join(runtime.names(), ", ")));
  if (!version.empty() && endpoint->version_index(version) < 0)
    return fail(Code::NotFound, text::format("model '{}' has no version '{}' loaded", name, version));
  return endpoint;
}

Result<void> handle(Context&, const inference::ServerLiveRequest&, inference::ServerLiveResponse& response) {
  response.set_live(true);
  return {};
}

Result<void> handle(Context&, const inference::ServerReadyRequest&, inference::ServerReadyResponse& response) {
  response.set_ready(true);
  return {};
}

Result<void> handle(Context& context, const inference::ModelReadyRequest& request,
                    inference::ModelReadyResponse& response) {
  response.set_ready(find(context.runtime, request.name(), request.version()).has_value());
  return {};
}

Result<void> handle(Context&, const inference::ServerMetadataRequest&, inference::ServerMetadataResponse& response) {
  response.set_name("fettle");
  response.set_version("2");
  response.add_extensions("model_repository");
  return {};
}

Result<void> handle(Context& context, const inference::ModelMetadataRequest& request,
                    inference::ModelMetadataResponse& response) {
  FETTLE_TRY(const auto endpoint, find(context.runtime, request.name(), request.version()));
  write_metadata(*endpoint, response);
  return {};
}

Result<void> handle(Context& context, const inference::RepositoryIndexRequest&,
                    inference::RepositoryIndexResponse& response) {
  for (const auto& endpoint : context.runtime.list())
    for (const auto& competitor : endpoint->competitors) {
      auto& model = *response.add_models();
      model.set_name(endpoint->name);
      model.set_version(competitor.version);
      model.set_state("READY");
    }
  return {};
}

Result<void> handle(Context& context, const inference::ModelInferRequest& request,
                    inference::ModelInferResponse& response) {
  const auto started_ns = context.runtime.clock().monotonic_ns();
  auto& batch = context.batch;
  FETTLE_TRY(const auto endpoint, find(context.runtime, request.model_name()));
  batch.begin(*endpoint);
  if (const auto read = read_infer(request, batch); !read) {
    endpoint->counters->errors.fetch_add(1, std::memory_order_relaxed);
    return read;
  }
  if (batch.id.empty()) make_id(batch.id);
  infer(batch, context.runtime, started_ns);
  write_infer(batch, response);
  return {};
}

class Slot {  // One call at a time: wait for it, answer it, wait for the next.
 public:
  virtual ~Slot() = default;
  virtual void listen() = 0;
  virtual void answer() = 0;
  bool answering = false;
};

// How the generated service asks for the next call of a method.
template <typename Request, typename Response>
using Ask = void (Service::*)(grpc::ServerContext*, Request*, grpc::ServerAsyncResponseWriter<Response>*,
                              grpc::CompletionQueue*, grpc::ServerCompletionQueue*, void*);

template <typename Request, typename Response>
class UnarySlot final : public Slot {
 public:
  UnarySlot(Service& service, grpc::ServerCompletionQueue& queue, Context& context, Ask<Request, Response> ask)
      : service_(service), queue_(queue), context_(context), ask_(ask) {}

  void listen() override {
    answering = false;
    response_.Clear();
    writer_.reset();
    call_.emplace();
    writer_.emplace(&*call_);
    (service_.*ask_)(&*call_, &request_, &*writer_, &queue_, &queue_, this);
  }
  void answer() override {
    answering = true;
    const auto allowed = check(context_, *call_, request_);
    const auto status = to_status(allowed ? handle(context_, request_, response_) : allowed);
    hide(context_, *call_, response_);
    writer_->Finish(response_, status, this);
  }

 private:
  Service& service_;
  grpc::ServerCompletionQueue& queue_;
  Context& context_;
  Ask<Request, Response> ask_;
  std::optional<grpc::ServerContext> call_;
  std::optional<grpc::ServerAsyncResponseWriter<Response>> writer_;
  Request request_;
  Response response_;
};

}  // namespace

struct GrpcServer::Impl {
  Impl(Runtime& runtime, GrpcGate gate) : context{runtime, {}, std::move(gate)} {}

  Service service;
  Context context;
  std::unique_ptr<grpc::ServerCompletionQueue> queue;
  std::unique_ptr<grpc::Server> server;
  std::vector<std::unique_ptr<Slot>> slots;
  std::string address;
  std::atomic<bool> stopping = false;
  grpc::Alarm stop_alarm;
  std::jthread thread;

  // `Owner` is the class of the generated service that adds the method; Service derives from it.
  template <typename Owner, typename Request, typename Response>
  void add_slots(int count,
                 void (Owner::*ask)(grpc::ServerContext*, Request*, grpc::ServerAsyncResponseWriter<Response>*,
                                    grpc::CompletionQueue*, grpc::ServerCompletionQueue*, void*)) {
    for (int i = 0; i < count; ++i)
      slots.push_back(std::make_unique<UnarySlot<Request, Response>>(service, *queue, context, ask));
  }

  void add_all_slots() {
    add_slots(kInferSlots, &Service::RequestModelInfer);
    add_slots(1, &Service::RequestServerLive);
    add_slots(1, &Service::RequestServerReady);
    add_slots(1, &Service::RequestModelReady);
    add_slots(1, &Service::RequestServerMetadata);
    add_slots(1, &Service::RequestModelMetadata);
    add_slots(1, &Service::RequestRepositoryIndex);
    for (const auto& slot : slots) slot->listen();
  }

  // The queue is shut down here, on its own thread, so that no slot can ask it for more at the same time.
  void loop() {
    void* tag = nullptr;
    bool ok = false;
    while (queue->Next(&tag, &ok)) {
      if (tag == nullptr) {
        queue->Shutdown();
        continue;
      }
      auto& slot = *static_cast<Slot*>(tag);
      if (slot.answering) {
        if (!stopping) slot.listen();
      } else if (ok) {
        slot.answer();
      }
    }
  }
};

namespace {

std::shared_ptr<grpc::ServerCredentials> credentials(const GrpcTls& tls) {
  if (tls.certificate.empty()) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions options;
  options.pem_key_cert_pairs.push_back({.private_key = tls.key, .cert_chain = tls.certificate});
  return grpc::SslServerCredentials(options);
}

}  // namespace

GrpcServer::GrpcServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GrpcServer::~GrpcServer() { drain(0); }

Result<std::unique_ptr<GrpcServer>> GrpcServer::start(std::string_view address, Runtime& runtime, const GrpcTls& tls,
                                                      GrpcGate gate) {
  auto impl = std::make_unique<Impl>(runtime, std::move(gate));
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(std::string(address), credentials(tls), &port);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.SetMaxReceiveMessageSize(kMaxMessage);
  builder.RegisterService(&impl->service);
  impl->queue = builder.AddCompletionQueue();
  impl->server = builder.BuildAndStart();
  if (!impl->server || port == 0) {
    impl->queue->Shutdown();
    return fail(Code::Unavailable,
                text::format("cannot listen for gRPC on '{}': it is in use, or no address of this machine; choose "
                             "another HOST:PORT, or port 0 for a free one",
                             address));
  }
  impl->address = text::format("{}:{}", address.substr(0, address.rfind(':')), port);
  impl->add_all_slots();
  impl->thread = std::jthread([self = impl.get()] { self->loop(); });
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(impl)));
}

std::string GrpcServer::address() const { return impl_->address; }

void GrpcServer::drain(std::int64_t timeout_ms) {
  if (impl_->stopping.exchange(true)) return;
  impl_->server->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(timeout_ms));
  impl_->stop_alarm.Set(impl_->queue.get(), std::chrono::system_clock::now(), nullptr);
  impl_->thread.join();
}

}  // namespace fettle::serving
