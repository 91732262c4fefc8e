module sluice.example/go

go 1.19
