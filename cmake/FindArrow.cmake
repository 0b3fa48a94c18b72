# Apache Arrow C++ with Parquet: a system package where there is one, else the libraries and headers of the pyarrow
# wheel in the virtual environment that ./run makes (FETTLE_VENV). Defines Arrow::arrow.
find_package(Arrow CONFIG QUIET)
find_package(Parquet CONFIG QUIET)
if(TARGET Arrow::arrow_shared AND TARGET Parquet::parquet_shared)
  add_library(Arrow::arrow INTERFACE IMPORTED)
  set_target_properties(Arrow::arrow PROPERTIES INTERFACE_LINK_LIBRARIES "Arrow::arrow_shared;Parquet::parquet_shared")
  set(Arrow_FOUND TRUE)
  return()
endif()

find_program(ARROW_PYTHON python3 PATHS $ENV{FETTLE_VENV}/bin NO_DEFAULT_PATH REQUIRED)
execute_process(
  COMMAND ${ARROW_PYTHON} -c "import pyarrow as p; p.create_library_symlinks(); print(p.get_include(), p.get_library_dirs()[0], sep=';')"
  OUTPUT_VARIABLE arrow_places OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
list(GET arrow_places 0 arrow_include)
list(GET arrow_places 1 arrow_lib)

add_library(Arrow::parquet SHARED IMPORTED)
set_target_properties(Arrow::parquet PROPERTIES IMPORTED_LOCATION ${arrow_lib}/libparquet.so)
add_library(Arrow::arrow SHARED IMPORTED)
set_target_properties(Arrow::arrow PROPERTIES IMPORTED_LOCATION ${arrow_lib}/libarrow.so
  INTERFACE_LINK_LIBRARIES Arrow::parquet)
target_include_directories(Arrow::arrow SYSTEM INTERFACE ${arrow_include})
set(Arrow_FOUND TRUE)
