module ieum/interop/pion

go 1.18
